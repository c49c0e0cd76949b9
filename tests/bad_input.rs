//! Bad input: whatever a person, a file, a machine or a server does wrong is answered in words that say what to do next.
//! Every test runs the real binary; the exit code and the words that matter are literal, and a panic is never an answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use migrate_wizard::wizard::journal::Owner;

use crate::support::emulator::Emulator;
use crate::support::postgres::database;
use crate::support::rehearsal::run_dirs;
use crate::support::wizard::{Done, Wizard};

/// The command line was wrong, or a file or value.
const WRONG: i32 = 2;
/// The world was not as it must be.
const FAILED: i32 = 1;

trait Answer {
    /// It ended with this exit code and an error that says these words, then what to do; and it is printed, to be read with `--nocapture`.
    fn answers(self, code: i32, words: &[&str]) -> Self;
}

impl Answer for Done {
    #[track_caller]
    fn answers(self, code: i32, words: &[&str]) -> Self {
        let said = self.err();
        println!("exit code {}\n{said}", self.code());
        assert_eq!(self.code(), code, "stdout:\n{}\nstderr:\n{said}", self.out());
        let message = &said[said.find("error: ").unwrap_or_else(|| panic!("no error in:\n{said}"))..];
        for word in words {
            assert!(message.contains(word), "expected {word:?} in:\n{message}");
        }
        let next = message
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("next:"))
            .unwrap_or_else(|| panic!("nothing says what to do next:\n{message}"));
        assert!(next.trim().len() > 10, "too little is said:\n{message}");
        for stream in [self.out(), self.err()] {
            assert!(!stream.contains("panicked") && !stream.contains("this is a bug"), "{stream}");
        }
        self
    }
}

/// A command as it stands, started by a shell or another program.
fn under(prefix: &[&str], command: &Command) -> Done {
    let mut wrapped = Command::new(prefix[0]);
    wrapped.args(&prefix[1..]).arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        wrapped.current_dir(dir);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    Done(wrapped.stdin(std::process::Stdio::null()).output().unwrap())
}

// --- the command line -------------------------------------------------------------------------------------------------------------

#[test]
fn a_command_line_that_is_none() {
    let wizard = Wizard::empty();
    wizard.run(&["fly"]).answers(WRONG, &["unrecognized subcommand 'fly'", "migrate-wizard --help"]);
    wizard
        .run(&["statsu"])
        .answers(WRONG, &["unrecognized subcommand 'statsu'", "because: some similar subcommands exist: 'stacks', 'status'"]);
    wizard.run(&["--dryrun"]).answers(WRONG, &["unexpected argument '--dryrun'", "'--dry-run'"]);
    wizard.run(&["--set", "database"]).answers(WRONG, &["invalid value 'database'", "write it as ID=VALUE"]);
    wizard.run(&["--dry-run", "--sandbox"]).answers(WRONG, &["'--dry-run' cannot be used with '--sandbox'"]);

    // a machine is told the same
    let told = wizard.run(&["fly", "--json"]).answers(WRONG, &[]).out();
    let event: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (event["event"].as_str(), event["kind"].as_str(), event["what"].as_str()),
        (Some("error"), Some("usage"), Some("unrecognized subcommand 'fly'"))
    );
    assert!(event["hint"].as_str().unwrap().contains("--help"));

    // and help is no error
    assert!(wizard.run(&["--help"]).expect(0).out().contains("Examples:"));
    assert!(wizard.run(&["--version"]).expect(0).out().starts_with("migrate-wizard "));
}

#[test]
fn a_folder_that_is_none() {
    let wizard = Wizard::empty();
    std::fs::write(wizard.path().join("notes.txt"), "x").unwrap();
    for (dir, words) in [("notes.txt", "notes.txt is not a folder"), ("nowhere", "nowhere is not a folder")] {
        for args in [&["--dir", dir, "--dry-run", "--yes"][..], &["--dir", dir, "tour", "--yes"]] {
            wizard.run(args).answers(WRONG, &[words, "name the app's checkout with --dir"]);
        }
    }
}

/// A folder without an app, an app that is not Replit's, a folder that is not there.
#[test]
fn a_folder_without_an_app() {
    let wizard = Wizard::empty();
    std::fs::create_dir(wizard.path().join("shop")).unwrap();
    std::fs::write(
        wizard.path().join("shop/package.json"),
        r#"{"name":"shop","scripts":{"start":"node a.js"},"dependencies":{"express":"5"}}"#,
    )
    .unwrap();
    std::fs::write(wizard.path().join("notes.txt"), "x").unwrap();
    let commands: [&[&str]; 5] =
        [&["app", "scan"], &["app", "prepare"], &["app", "container"], &["app", "pipeline", "--provider", "github"], &["app", "env"]];
    for command in commands {
        wizard.run(command).answers(
            WRONG,
            &["this folder holds no app", "looked for .replit, package.json", "below it there are: ./shop", "DIR or with --dir"],
        );
        wizard.run(&[command, &["nowhere"]].concat()).answers(WRONG, &["nowhere"]);
    }
    assert_eq!(std::fs::read_dir(wizard.path()).unwrap().count(), 2, "nothing is written");
    for command in commands {
        let told = wizard.run(&[command, &["shop", "--dry-run"]].concat()).expect(0);
        assert!(format!("{}{}", told.out(), told.err()).contains("it is not a Replit app"), "{command:?}: {} {}", told.out(), told.err());
    }
    for command in [&["cost", "--profile", "alva"][..], &["stacks", "export", "--profile", "alva"]] {
        wizard.run(&[command, &["--dir", "nowhere"]].concat()).answers(WRONG, &["nowhere is not a folder", "--dir"]);
    }
    assert!(!wizard.path().join("infrastructure").exists());
}

#[test]
fn answers_that_nobody_asked_for() {
    let wizard = Wizard::empty();
    let run = |args: &[&str]| wizard.run(&[&["--dry-run", "--yes"], args].concat());
    run(&["--set", "databse=rds"]).answers(WRONG, &["--set databse=…: no question is called `databse`", "migrate-wizard playbooks list"]);
    run(&["--set", "database=mysql"]).answers(WRONG, &["`mysql` is not a choice of `database`", "one of: dsql, rds, aurora"]);
    run(&["--set", "app_name=My App!"]).answers(WRONG, &["`My App!` is not a name of 3 to 19 lower-case letters", "app_name", "flag"]);
    let cost = |args: &[&str]| wizard.run(&[&["cost", "--profile", "alva"], args].concat());
    cost(&["--set", "tasks_min=abc"]).answers(WRONG, &["`abc` is not a whole number", "tasks_min"]);
    cost(&["--compare", "alva"]).answers(WRONG, &["--compare: 1 scenario, but two to 5"]);
    wizard
        .run(&["app", "pipeline", "--provider", "github", "--app-name", "Bad Name!"])
        .answers(WRONG, &["--app-name Bad Name!: not a name of lower-case letters", "such as my-app"]);
    run(&["--profile", "nobody"]).answers(
        WRONG,
        &["no profile is called `nobody`", "one of: alva, dougust, grievance-portal, shadowtwin, shadowtwin-ec2", "--answers FILE"],
    );
    run(&["--answers", "missing.toml"]).answers(WRONG, &["cannot read the answers file missing.toml", "No such file", "check its name"]);
    // nothing was begun
    assert!(!wizard.path().join(".migrate-wizard").exists());
}

#[test]
fn an_answers_file_with_mistakes_names_every_one_with_its_line() {
    let wizard = Wizard::empty();
    let file = |text: &str| {
        std::fs::write(wizard.path().join("answers.toml"), text).unwrap();
        wizard.run(&["--dry-run", "--yes", "--answers", "answers.toml"])
    };
    file("version = 9\n[answers]\ndatabase = \"rds\"\n")
        .answers(WRONG, &["answers.toml:1: version 9 is not understood", "this wizard reads version = 1"]);
    file("version = 1\n[answers]\ndatabase = \"mysql\"\ncolour = \"red\"\n").answers(
        WRONG,
        &[
            "2 mistakes in answers.toml",
            "answers.toml:3: `mysql` is not a choice of `database`; one of: dsql, rds, aurora",
            "answers.toml:4: no question is called `colour`; the questions are: is_live, app_name, environment",
            "correct these lines",
        ],
    );
    file("version = 1\n[answers]\ndb_storage = 20\n")
        .answers(WRONG, &["answers.toml:3: invalid type: integer `20`", "numbers in quotes too"]);
    file("version = 1\n[answers\n").answers(WRONG, &["answers.toml:2: ", "[answers] with question = \"answer\" lines"]);
    assert!(!wizard.path().join(".migrate-wizard").exists());
}

#[test]
fn an_answer_that_is_missing_is_asked_for_by_its_id() {
    Wizard::sample()
        .run(&["--dry-run", "--json", "--set", "region=us-east-1", "--set", "tasks_min=many"])
        .answers(WRONG, &["the answer to `tasks_min` from the flag will not do: `many` is not a whole number", "correct it there"]);
    let wizard = Wizard::sample();
    let source = database("unanswered");
    wizard
        .command(&["--yes"])
        .env("SOURCE_DATABASE_URL", source.secret_url())
        .output()
        .map(Done)
        .unwrap()
        .answers(WRONG, &["no answer for `is_live`", "--set is_live=\"live|copy\"", "an answers file ([answers] is_live = "]);
}

#[test]
fn a_region_that_does_not_exist() {
    let wizard = Wizard::sample();
    let slip = ["AWS has no region called `us-eats-1`", "regions of 2026-11-20", "did you mean us-east-1, US East (N. Virginia)?"];
    for args in [
        &["--dry-run", "--yes", "--profile", "dougust", "--set", "region=us-eats-1"][..],
        &["--dry-run", "--yes", "--profile", "dougust", "--region", "us-eats-1"],
    ] {
        wizard.run(args).answers(WRONG, &slip);
    }
    wizard
        .run(&["plan", "--set", "region=moon-north-1"])
        .answers(WRONG, &["AWS has no region called `moon-north-1`", "--set region=us-east-1"]);
    // nothing was begun, and the environment is heard out too
    assert!(!wizard.path().join(".migrate-wizard").exists());
    let doctor = Done(wizard.command(&["doctor"]).env("AWS_REGION", "us-eats-1").output().unwrap());
    assert!(doctor.out().contains("AWS has no region called `us-eats-1`"), "{}", doctor.out());
}

// --- playbooks --------------------------------------------------------------------------------------------------------------------

#[test]
fn a_playbook_with_a_mistake_shows_the_line_and_a_caret() {
    let step = "[[step]]\nid = \"greet\"\ntitle = \"Greet\"\nwhy = \"To be polite.\"\n";
    let pretend = "[step.effect]\nkind = \"simulate\"\ntext = \"hello\"\n";
    let choice = "[[step]]\nid = \"mood\"\ntitle = \"Mood?\"\nwhy = \"It matters.\"\n[step.ask]\nkind = \"choice\"\n[[step.ask.option]]\nid = \"good\"\nlabel = \"Good\"\nconsequence = \"smile\"\n";
    for (body, at, what, marked, next) in [
        (format!("{step}colour = \"red\"\n{pretend}"), "tour.toml:10:1", "unknown field `colour`", "^^^^^^", "CONTRIBUTING.md"),
        (
            format!("{step}{pretend}{step}{pretend}"),
            "tour.toml:14:6",
            "the step id `greet` is used twice",
            "^^^^^^^",
            "give one of them another id",
        ),
        (
            format!("{step}[step.effect]\nkind = \"simulate\"\ntext = \"hello ${{nobody.knows}}\"\n"),
            "tour.toml:12:15",
            "nothing is known as `nobody.knows`",
            "^^^^^^^^^^^^^^",
            "${name|fallback}",
        ),
        (
            format!("{choice}{step}when = {{ mood = \"bad\" }}\n{pretend}"),
            "tour.toml:20:",
            "`bad` is not an option of `mood`",
            "^^^",
            "one of: good",
        ),
        (
            format!("{step}when = {{ weather = \"fine\" }}\n{pretend}"),
            "tour.toml:10:",
            "`when` asks for `weather`, which no earlier step gives",
            "^^^^^^^",
            "an earlier question's id",
        ),
        (format!("{step}[step.effect]\nkind = \"fly\"\n"), "tour.toml:11:9", "no effect is called `fly`", "^^^", "one of: simulate"),
        (step.to_owned(), "tour.toml:7:6", "this step has no action", "^^^^^^^", "exactly one of [step.ask], [step.manual], [step.effect]"),
    ] {
        // given a playbook of the person's own that replaces ours by its name
        let wizard = Wizard::empty();
        let folder = wizard.path().join("mine");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(
            folder.join("tour.toml"),
            format!("phase = \"tour\"\ntitle = \"Tour\"\nwhy = \"To see.\"\njourney = \"tour\"\norder = 1\n{body}"),
        )
        .unwrap();
        // when it is checked, and when it would be run
        for args in [&["playbooks", "check", "--playbooks", "mine"][..], &["tour", "--yes", "--playbooks", "mine"]] {
            wizard.run(args).answers(WRONG, &[at, what, marked, next]);
        }
        assert!(!wizard.path().join(".migrate-wizard").exists(), "{what}: nothing is begun");
    }
}

// --- the journal ------------------------------------------------------------------------------------------------------------------

/// A run that stopped at its second step: no source database is named.
fn stopped() -> Wizard {
    let wizard = Wizard::sample();
    wizard
        .run(&["--yes", "--profile", "dougust"])
        .answers(WRONG, &["step `source` (Read the source database) failed: no source database is named", "export SOURCE_DATABASE_URL="]);
    wizard
}

fn journal(wizard: &Wizard) -> (std::path::PathBuf, String) {
    let path = wizard.run_dir().join("journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn a_journal_from_a_newer_version() {
    let wizard = stopped();
    let (path, text) = journal(&wizard);
    std::fs::write(&path, text.replacen("\"format\":1", "\"format\":2", 1)).unwrap();
    for command in [&["--yes", "--profile", "dougust"][..], &["status"], &["log"], &["report"], &["rollback", "--yes"]] {
        wizard
            .run(command)
            .answers(WRONG, &["journal.jsonl:1: this journal has format 2; this program knows up to 1", "update the program"]);
    }
}

#[test]
fn a_damaged_journal_is_refused_with_its_line_and_left_as_it_is() {
    let wizard = stopped();
    let (path, text) = journal(&wizard);
    let lines: Vec<&str> = text.lines().collect();
    let changed = |n: usize, line: &str| {
        let mut all = lines.clone();
        all[n - 1] = line;
        all.join("\n") + "\n"
    };
    let doubled = [&lines[..3], &lines[2..]].concat().join("\n") + "\n";
    for (damaged, words) in [
        (changed(3, &lines[2].replace("scan", "scam")), "journal.jsonl:3: the journal is damaged: its check sum does not fit its text"),
        (changed(2, "half a li"), "journal.jsonl:2: the journal is damaged: not a line of JSON"),
        (doubled, "journal.jsonl:4: the journal is damaged: it says it is entry 3, a line is missing or doubled"),
    ] {
        std::fs::write(&path, &damaged).unwrap();
        let away = format!("move {} away and begin a new run", path.parent().unwrap().strip_prefix(wizard.path()).unwrap().display());
        for command in [&["--yes", "--profile", "dougust"][..], &["status"]] {
            wizard.run(command).answers(WRONG, &[words, "restore the file from a backup"]).says(&away["move ".len()..]);
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), damaged);
    }
    // and the way out that it names is one
    std::fs::rename(path.parent().unwrap(), wizard.path().join("aside")).unwrap();
    assert!(wizard.run(&["--dry-run", "--yes", "--profile", "dougust"]).expect(0).out().contains("is finished: nothing was touched"));
}

#[test]
fn two_wizards_at_once() {
    // given a wizard at work
    let wizard = Wizard::empty();
    let mut first = wizard.spawn(&["tour", "--yes", "--set", "speed=calm"]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let owner = loop {
        let runs = std::fs::read_dir(wizard.path().join(".migrate-wizard")).into_iter().flatten().flatten();
        let found = runs
            .filter(|run| run.path().join("journal.jsonl").metadata().is_ok_and(|m| m.len() > 0))
            .find_map(|run| std::fs::read_to_string(run.path().join("owner.json")).ok());
        match found.and_then(|text| serde_json::from_str::<Owner>(&text).ok()) {
            Some(owner) => break owner,
            None => assert!(Instant::now() < deadline, "the first wizard did not take its lock"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(owner.pid, first.id());
    // when another comes for the same run
    let second = wizard.run(&["tour", "--yes"]);
    // then it names the first one, and since when it is there
    second.answers(
        FAILED,
        &[
            &format!("this run is already open in process {} on ", first.id()),
            " (for ",
            &format!("since {}", owner.since),
            "end that process",
        ],
    );
    assert!(wizard.run(&["status", "--json"]).out().contains("running") || first.try_wait().unwrap().is_some());
    // and when the first is gone, however it went, the way is free
    first.kill().unwrap();
    first.wait().unwrap();
    wizard.run(&["tour", "--yes", "--set", "speed=brisk"]).expect(0);
}

// --- the machine ------------------------------------------------------------------------------------------------------------------

#[test]
fn a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room() {
    // given room for 2 or 3 KB in any one file (a block is 512 or 1024 bytes), and no signal but an error for more
    let wizard = Wizard::empty();
    let full = under(&["sh", "-c", "trap '' XFSZ; ulimit -f 3; exec \"$0\" \"$@\""], &wizard.command(&["tour", "--yes"]));
    // then it stops, and every line that stands in the journal is whole
    full.answers(
        FAILED,
        &[
            "cannot write the journal ",
            "nothing was touched after the last written entry",
            "free some disk space",
            "run the same command again",
        ],
    );
    let stopped_at = wizard.journal().len();
    assert!(stopped_at > 2, "{stopped_at}");
    // and with room it comes to its end, in the same run
    wizard.run(&["tour", "--yes"]).expect(0);
    let entries = wizard.journal();
    assert!(entries.len() > stopped_at);
    assert_eq!(entries.last().unwrap()["what"]["entry"], "finished");
    assert_eq!(run_dirs(wizard.path()).len(), 1);
}

#[test]
fn a_folder_that_may_not_be_written_to() {
    use std::os::unix::fs::PermissionsExt;
    let wizard = Wizard::empty();
    std::fs::set_permissions(wizard.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    let id = Command::new("id").arg("-u").output().unwrap();
    let command = wizard.command(&["tour", "--yes"]);
    let done = match String::from_utf8_lossy(&id.stdout).trim() {
        // root is above permissions, unless that very power is taken from it
        "0" => under(&["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"], &command),
        _ => under(&["env"], &command),
    };
    done.answers(
        WRONG,
        &[
            "cannot make the run's folder ",
            ".migrate-wizard/tour-",
            "Permission denied",
            "choose a folder that can be written to with --dir, or mend its permissions",
        ],
    );
    std::fs::set_permissions(wizard.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
}

// --- the source database ----------------------------------------------------------------------------------------------------------

/// A live run up to the source database.
fn read_source(url: &str) -> Done {
    let wizard = Wizard::sample().env("SOURCE_DATABASE_URL", url);
    wizard.run(&["--yes", "--profile", "dougust"])
}

/// A port on which nothing listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_source_that_cannot_be_reached() {
    let port = nobody().port();
    read_source(&format!("postgresql://me:hunter2secret@127.0.0.1:{port}/shop")).answers(
        FAILED,
        &[
            "step `source` (Read the source database) failed",
            &format!("cannot connect to shop on 127.0.0.1:{port} as me"),
            "Connection refused",
            "nothing listens there: check host and port",
        ],
    );
    read_source("postgresql://me:hunter2secret@helium/heliumdb?sslmode=disable").answers(
        FAILED,
        &["cannot connect to heliumdb on helium:5432", "helium is Replit's own database and answers only inside the Repl"],
    );
    let nonsense = read_source("mysql://me:hunter2secret@127.0.0.1/shop").answers(WRONG, &["in SOURCE_DATABASE_URL", "postgresql://"]);
    assert!(!nonsense.err().contains("hunter2secret") && !nonsense.out().contains("hunter2secret"));
}

#[test]
fn a_source_that_does_not_let_us_in() {
    let source = database("closed");
    read_source(&source.with_password("not-the-password").secret_url())
        .answers(FAILED, &["password authentication failed for user", "SQLSTATE 28P01", "the user name or password is wrong"]);
    read_source(&source.with_database("no_such_shop").secret_url())
        .answers(WRONG, &["database \"no_such_shop\" does not exist", "check the name at the end of the URL"]);
    // a server without encryption, when encryption was asked for
    let encrypted = source.secret_url().replace("sslmode=disable", "sslmode=verify-full");
    assert!(encrypted.ends_with("sslmode=verify-full"));
    read_source(&encrypted).answers(FAILED, &["server does not support TLS", "the server does not offer encryption", "sslmode=disable"]);
    // and with the right URL the same run gets further
    let done = read_source(&source.secret_url());
    assert!(done.out().contains("Read the source database: done"), "{}", done.out());
}

#[test]
fn a_source_that_is_too_old() {
    for (version, number) in [("9.4.26", "90426"), ("11.22", "110022"), ("12.22", "120022")] {
        let server = OldPostgres::start(version, number);
        let url = format!("postgresql://me:secret@{}/shop?sslmode=disable", server.at);
        let major = if number.len() == 5 { "9" } else { &number[..2] };
        read_source(&url).answers(
            FAILED,
            &[
                &format!("shop on {} as me runs PostgreSQL {major} (version number {number}); the wizard reads 13 and newer", server.at),
                "upgrade the server first",
            ],
        );
        // it was asked nothing that it might not understand
        assert_eq!(*server.asked.lock().unwrap(), ["show server_version_num"]);
    }
}

/// A scripted server that lets everybody in and answers every question with its version number.
struct OldPostgres {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl OldPostgres {
    /// Serves until the test program ends.
    fn start(version: &'static str, number: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let heard = Arc::clone(&heard);
                std::thread::spawn(move || Self::serve(stream, version, number, &heard));
            }
        });
        Self { at, asked }
    }

    fn serve(mut stream: TcpStream, version: &str, number: &str, heard: &Mutex<Vec<String>>) -> Option<()> {
        let message = |tag: u8, body: &[u8]| [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat();
        let ready = message(b'Z', b"I");
        let _startup = Self::body(&mut stream)?;
        let parameter = message(b'S', format!("server_version\0{version}\0").as_bytes());
        stream.write_all(&[message(b'R', &0u32.to_be_bytes()), parameter, ready.clone()].concat()).ok()?;
        loop {
            let mut tag = [0; 1];
            stream.read_exact(&mut tag).ok()?;
            let body = Self::body(&mut stream)?;
            if tag[0] != b'Q' {
                return None;
            }
            heard.lock().unwrap().push(String::from_utf8_lossy(&body).trim_end_matches('\0').to_owned());
            let column = [
                &1u16.to_be_bytes()[..],
                b"server_version_num\0",
                &[0; 6],
                &25u32.to_be_bytes(),
                &(-1i16).to_be_bytes(),
                &(-1i32).to_be_bytes(),
                &[0; 2],
            ]
            .concat();
            let row = [&1u16.to_be_bytes()[..], &(number.len() as u32).to_be_bytes(), number.as_bytes()].concat();
            stream.write_all(&[message(b'T', &column), message(b'D', &row), message(b'C', b"SHOW\0"), ready.clone()].concat()).ok()?;
        }
    }

    /// What follows a length.
    fn body(stream: &mut TcpStream) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut body = vec![0; (u32::from_be_bytes(length) as usize).checked_sub(4)?];
        stream.read_exact(&mut body).ok()?;
        Some(body)
    }
}

// --- AWS --------------------------------------------------------------------------------------------------------------------------

/// A live run up to the first call to AWS.
fn check_aws(env: &[(&str, &str)]) -> Done {
    let source = database("before_aws");
    let wizard = Wizard::sample().env("SOURCE_DATABASE_URL", &source.secret_url());
    let mut command = wizard.command(&["--yes", "--profile", "grievance-portal", "--set", "is_live=copy"]);
    Done(command.envs(env.iter().copied()).output().unwrap())
}

#[test]
fn no_credentials() {
    // given an endpoint that would notice a call
    let aws = Http::answering("200 OK", "");
    let done = check_aws(&[("AWS_ENDPOINT_URL", &aws.url())]);
    done.answers(FAILED, &["step `aws` (Check AWS) failed: no AWS credentials were found", "aws sso login", "AWS_PROFILE"]);
    assert_eq!(aws.requests(), 0);
}

#[test]
fn expired_or_refused_credentials() {
    for (code, words, next) in [
        ("ExpiredToken", "the AWS credentials have expired (sts:GetCallerIdentity)", "sign in again"),
        ("InvalidClientTokenId", "AWS does not accept these credentials (sts:GetCallerIdentity)", "aws sts get-caller-identity"),
        ("AccessDenied", "AWS does not allow sts:GetCallerIdentity", "the right sts:GetCallerIdentity"),
    ] {
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>said by the stand-in</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        );
        let aws = Http::answering("403 Forbidden", &body);
        let done = check_aws(&[
            ("AWS_ENDPOINT_URL", &aws.url()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_SESSION_TOKEN", "old"),
        ]);
        done.answers(FAILED, &["step `aws` (Check AWS) failed", words, &format!("{code}: said by the stand-in"), next]);
        assert_eq!(aws.requests(), 1, "{code}: asked once, not again and again");
    }
}

#[test]
fn an_endpoint_where_nobody_is() {
    let url = format!("http://{}", nobody());
    check_aws(&[("AWS_ENDPOINT_URL", &url), ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "x")])
        .answers(FAILED, &["AWS could not be reached (sts:GetCallerIdentity)", "AWS_ENDPOINT_URL if it is set"]);
}

/// A scripted web server: the same answer to every request.
struct Http {
    at: SocketAddr,
    count: Arc<Mutex<usize>>,
}

impl Http {
    /// Serves until the test program ends.
    fn answering(status: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        let count = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&count);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                *counter.lock().unwrap() += 1;
                let mut request = Vec::new();
                let mut piece = [0; 4096];
                while !Self::whole(&request) {
                    match stream.read(&mut piece) {
                        Ok(0) | Err(_) => break,
                        Ok(n) => request.extend_from_slice(&piece[..n]),
                    }
                }
                let _left = stream.write_all(answer.as_bytes());
            }
        });
        Self { at, count }
    }

    fn whole(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |n| n.trim().parse().unwrap());
        body.len() >= length
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    fn requests(&self) -> usize {
        *self.count.lock().unwrap()
    }
}

#[test]
fn another_account_on_resume() {
    // given a run that is tied to account 123456789012 and stopped at its first stack
    let source = database("pinned");
    let wizard = Wizard::sample().env("SOURCE_DATABASE_URL", &source.secret_url());
    let args = ["--sandbox", "--yes", "--profile", "grievance-portal"];
    let on = |emulator: &Emulator| Done(wizard.command(&args).envs(emulator.env()).output().unwrap());
    let own = Emulator::start(&[("MWX_FAIL", "Vpc")]);
    on(&own).answers(FAILED, &["step `network` (Network) failed", "injected failure for Vpc"]);
    assert!(wizard.journal().iter().any(|e| e["what"]["entry"] == "pinned" && e["what"]["account"] == "123456789012"));
    // when it is taken up with credentials of another
    let other = Emulator::start(&[("MINISTACK_ACCOUNT_ID", "999999999999")]);
    let done = on(&other);
    // then both are named, and nothing was made there
    done.answers(
        FAILED,
        &[
            "the credentials belong to account 999999999999, but this run belongs to account 123456789012",
            "choose the profile of the run's account",
            "start a new run",
        ],
    );
    assert!(!stacks(&other).contains("<StackName>"), "{}", stacks(&other));
    // and with the right ones it gets to where it was
    on(&own).answers(FAILED, &["step `network` (Network) failed"]);
    assert!(stacks(&own).contains("<StackName>grievance-portal-production-network</StackName>"), "{}", stacks(&own));
}

/// Every stack that was ever begun, as the endpoint lists them.
fn stacks(emulator: &Emulator) -> String {
    let auth = "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/cloudformation/aws4_request, SignedHeaders=host, Signature=0";
    let body = "Action=ListStacks&Version=2010-05-15";
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port)).unwrap();
    write!(stream, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {auth}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    text
}

// --- the app ---------------------------------------------------------------------------------------------------------------

#[test]
fn an_app_that_is_none() {
    let wizard = Wizard::empty();
    wizard.run(&["rollback", "--yes"]).answers(WRONG, &["there is no run in . to roll back", "name the app's checkout with --dir"]);
    wizard
        .run(&["--yes", "--profile", "dougust"])
        .answers(WRONG, &["holds no app that the wizard knows", "name the app's checkout with --dir", ".replit"]);
}

#[test]
fn a_schema_written_by_hand_is_refused_rather_than_read_wrongly() {
    let wizard = Wizard::empty();
    for (sql, says) in [
        (
            "create table public.users (id serial primary key);",
            "by-hand.sql:1:28: column `id` is serial: this is not the output of pg_dump",
        ),
        ("create type mood as enum ('sad', 'ok');", "by-hand.sql:1:1: a type without its schema"),
    ] {
        std::fs::write(wizard.path().join("by-hand.sql"), sql).unwrap();
        wizard.run(&["schema", "convert", "--from", "by-hand.sql", "--target", "dsql"]).expect(2).says(says).says("pg_dump --schema-only");
    }
}
