//! The real binary in a real pseudo-terminal, its screen read by a terminal emulator.
//! Every wait has a condition and a deadline; none is a mere pause.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

use super::wizard::Wizard;

const PATIENCE: Duration = Duration::from_secs(40);

/// What has come out of the terminal so far.
struct Output {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// When the last byte came.
    last: Instant,
}

/// A program in a terminal. Dropping it closes the terminal and ends the program.
pub struct Pty {
    output: Arc<(Mutex<Output>, Condvar)>,
    input: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    /// Kept open so that the terminal's modes can be read after the program has ended.
    _slave: Box<dyn SlavePty + Send>,
}

impl Pty {
    /// The binary with these arguments in a terminal of `columns` x `rows`.
    pub fn wizard(wizard: &Wizard, args: &[&str], columns: u16, rows: u16) -> Self {
        Self::start(wizard, env!("CARGO_BIN_EXE_migrate-wizard"), args, columns, rows)
    }

    /// An interactive shell with job control; the binary is `$MW`.
    pub fn shell(wizard: &Wizard, columns: u16, rows: u16) -> Self {
        Self::start(wizard, "sh", &["-i"], columns, rows)
    }

    /// A shell script in a terminal; the binary is `$MW`.
    pub fn script(wizard: &Wizard, script: &str, columns: u16, rows: u16) -> Self {
        Self::start(wizard, "sh", &["-c", script], columns, rows)
    }

    fn start(wizard: &Wizard, program: &str, args: &[&str], columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(wizard.path());
        command.env_clear();
        // The same environment as without a terminal: nothing of this machine's credentials or databases.
        for (name, value) in std::env::vars_os() {
            command.env(name, value);
        }
        for (name, value) in wizard.command(&[]).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            }
        }
        command.env("MW", env!("CARGO_BIN_EXE_migrate-wizard"));
        command.env("PS1", "$ ");
        command.env_remove("ENV");
        if wizard.command(&[]).get_envs().all(|(name, _)| name != "TERM") {
            command.env("TERM", "xterm-256color");
        }
        if wizard.command(&[]).get_envs().all(|(name, _)| name != "NO_COLOR") {
            command.env_remove("NO_COLOR");
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let input = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let output = Arc::new((
            Mutex::new(Output {
                parser: vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0),
                raw: Vec::new(),
                last: Instant::now(),
            }),
            Condvar::new(),
        ));
        let (shared, answers) = (Arc::clone(&output), Arc::clone(&input));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 {
                    break;
                }
                let mut output = shared.0.lock().unwrap();
                output.parser.process(&buffer[..n]);
                output.raw.extend_from_slice(&buffer[..n]);
                output.last = Instant::now();
                // "Where is the cursor?": asked by prompts, answered by every terminal.
                if buffer[..n].windows(4).any(|w| w == b"\x1b[6n") {
                    let (row, column) = output.parser.screen().cursor_position();
                    let _closed = write!(answers.lock().unwrap(), "\x1b[{};{}R", row + 1, column + 1);
                }
                shared.1.notify_all();
            }
        });
        Self { output, input, child, master: pair.master, _slave: pair.slave }
    }

    /// Types this.
    pub fn keys(&self, text: &str) {
        let mut input = self.input.lock().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        // First the emulator, so that what the program draws next is read at the new size.
        self.output.0.lock().unwrap().parser.screen_mut().set_size(rows.try_into().unwrap(), columns.try_into().unwrap());
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap();
        assert!(sent.success(), "kill -{name}");
    }

    /// In a shell: runs the binary in the foreground; its pid.
    #[track_caller]
    pub fn run(&mut self, arguments: &str) -> u32 {
        self.keys(&format!("sh -c 'echo pid=$$; exec \"$MW\" {arguments}'\n"));
        self.wait_until("a pid", |output| pid_in(&output.raw).is_some());
        pid_in(&self.output.0.lock().unwrap().raw).unwrap()
    }

    /// In a shell: the shell, whose terminal it is, dies, and the system hangs the terminal up as when a window is closed.
    pub fn hang_up(&mut self) {
        self.signal("KILL");
        self.child.wait().unwrap();
    }

    pub fn screen(&self) -> String {
        self.output.0.lock().unwrap().parser.screen().contents()
    }

    /// Everything that was ever written to the terminal, sequences included.
    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.output.0.lock().unwrap().raw).into_owned()
    }

    /// Waits until `ready` says yes to the screen; shows the screen when it never does.
    #[track_caller]
    fn wait_until(&mut self, what: &str, ready: impl Fn(&Output) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut output = self.output.0.lock().unwrap();
        while !ready(&output) {
            let now = Instant::now();
            if now >= deadline {
                let screen = output.parser.screen().contents();
                drop(output);
                panic!(
                    "{what} did not come in {PATIENCE:?}; the program {}; the screen is\n{screen}",
                    match self.child.try_wait() {
                        Ok(Some(status)) => format!("has ended with {}", status.exit_code()),
                        _ => "is running".into(),
                    }
                );
            }
            // A moment at most: `ready` may depend on the time that has passed since the last byte.
            output = self.output.1.wait_timeout(output, (deadline - now).min(Duration::from_millis(20))).unwrap().0;
        }
    }

    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Self {
        self.wait_until(&format!("{text:?}"), |output| output.parser.screen().contents().contains(text));
        self
    }

    #[track_caller]
    pub fn wait_gone(&mut self, text: &str) -> &mut Self {
        self.wait_until(&format!("the end of {text:?}"), |output| !output.parser.screen().contents().contains(text));
        self
    }

    /// Waits until nothing has been written for a while: the screen is as it will stay.
    #[track_caller]
    pub fn wait_stable(&mut self) -> &mut Self {
        self.wait_until("a stable screen", |output| output.last.elapsed() > Duration::from_millis(300));
        self
    }

    #[track_caller]
    pub fn wait_alternate(&mut self, on: bool) -> &mut Self {
        self.wait_until(if on { "the alternate screen" } else { "the end of the alternate screen" }, |output| {
            output.parser.screen().alternate_screen() == on
        });
        self
    }

    /// Waits until the terminal gives key by key without echo.
    #[track_caller]
    pub fn wait_until_raw(&mut self) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_raw() {
            assert!(Instant::now() < deadline, "no raw mode came in {PATIENCE:?}; the screen is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
        self
    }

    /// Waits for the end; the exit code.
    #[track_caller]
    pub fn wait_exit(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.wait_stable();
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program did not end in {PATIENCE:?}; the screen is\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The modes of the terminal as `stty` sees them from outside.
    pub fn stty(&self) -> String {
        let name = self.master.tty_name().unwrap();
        let output =
            Command::new("stty").arg("-a").stdin(File::open::<&Path>(name.as_ref()).unwrap()).stderr(Stdio::inherit()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Does the terminal give key by key without echo?
    pub fn is_raw(&self) -> bool {
        let modes = self.stty();
        let has = |mode: &str| modes.split([' ', ';', '\n']).any(|word| word == mode);
        assert!(has("icanon") != has("-icanon"), "stty says neither:\n{modes}");
        has("-icanon") && has("-echo")
    }

    /// The terminal is as it was before: cooked, with a cursor, on its own screen, and pastes are plain.
    #[track_caller]
    pub fn assert_restored(&self) {
        assert!(!self.is_raw(), "raw mode was left on");
        let output = self.output.0.lock().unwrap();
        let screen = output.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was left on");
        assert!(!screen.hide_cursor(), "the cursor was left hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste was left on");
    }

    /// The face has the terminal.
    #[track_caller]
    pub fn assert_taken(&self) {
        assert!(self.is_raw(), "no raw mode");
        assert!(self.output.0.lock().unwrap().parser.screen().alternate_screen(), "no alternate screen");
    }
}

/// The first "pid=123" and the line's end after it; what was typed has "pid=$$".
fn pid_in(raw: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(raw);
    text.split("pid=").skip(1).find_map(|after| after.split_once('\r').and_then(|(digits, _)| digits.parse().ok()))
}

/// Waits until a process that is not ours to wait for has ended.
#[track_caller]
pub fn wait_gone(pid: u32) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
        let stat = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if stat.is_empty() || stat.starts_with('Z') {
            return;
        }
        assert!(Instant::now() < deadline, "process {pid} has not ended in {PATIENCE:?}: {stat}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _gone = self.child.kill();
            let _waited = self.child.wait();
        }
    }
}
