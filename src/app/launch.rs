//! A script that starts several programs (`start.sh`): which one is the service, which run beside it, which are servers of another kind.
//! Never runs a line, and never splits what it does not follow: that is told with its place.

use super::command;
use super::tree::Tree;

/// What a start script comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// The program of the service; `None`: the script stays.
    pub main: Option<Vec<String>>,
    /// Programs beside it, each with its place.
    pub beside: Vec<(Vec<String>, String)>,
    /// What a person must be told.
    pub notes: Vec<String>,
}

/// Servers that are no program of the app, and what takes their place.
const SERVERS: [(&str, &str); 5] = [
    ("redis-server", "on AWS it is ElastiCache, in docker-compose.yml the service redis; the image starts none"),
    ("valkey-server", "on AWS it is ElastiCache, in docker-compose.yml the service redis; the image starts none"),
    ("postgres", "on AWS it is RDS or Aurora, in docker-compose.yml the service db; the image starts none"),
    ("pg_ctl", "on AWS it is RDS or Aurora, in docker-compose.yml the service db; the image starts none"),
    ("mongod", "the image starts none: it needs a MongoDB of its own"),
];

/// What only the script itself needs.
const PLUMBING: [&str; 12] = ["set", "wait", "trap", "echo", "printf", "sleep", "shopt", "exit", "true", ":", "clear", "date"];

/// A shell's own words for what is not one program after the other.
const CONTROL: [&str; 17] =
    ["if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "function", "select", "{", "}", "kill"];

/// Names of files that answer visitors, where all programs are started in the background.
const FACES: [&str; 6] = ["server", "index", "app", "main", "web", "api"];

/// How a command of a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Background,
    Waits,
}

/// A program that the script starts.
struct Started {
    /// Below the app's root; empty for the root.
    folder: String,
    line: String,
    end: End,
    place: String,
}

impl Started {
    /// The line for a shell in the app's root; `head` stands before the program.
    fn inside(&self, head: &str) -> String {
        let folder = if self.folder.is_empty() { String::new() } else { format!("cd {} && ", self.folder) };
        format!("{folder}{head}{}", self.line)
    }
}

/// The script that a production command runs: its file, the lines before it, its text; none: it is a command like any other.
fn script(tree: &Tree, run: &[String]) -> Option<(String, usize, String)> {
    let line = command::line(run);
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let file = match words.as_slice() {
        [shell, file] if ["sh", "bash", "/bin/sh", "/bin/bash"].contains(&shell.as_str()) => file,
        [file] => file,
        _ => return in_replit(tree, line),
    };
    let path = command::in_app(file.trim_start_matches("./"));
    let path = path.trim_start_matches("./").to_owned();
    if !path.ends_with(".sh") && !path.ends_with(".bash") {
        return None;
    }
    let text = tree.text(&path)?;
    Some((path, 0, text.to_owned()))
}

/// `run` of `.replit` that starts a program in the background and another one is a script of one line.
fn in_replit(tree: &Tree, line: String) -> Option<(String, usize, String)> {
    let parts = parts(&line);
    let (first, _) = parts.first().filter(|_| parts.iter().any(|(_, end)| *end == End::Background))?;
    let before = tree.text(".replit")?.lines().position(|l| l.trim_start().starts_with("run") && l.contains(first.as_str()))?;
    Some((".replit".to_owned(), before, line))
}

/// Reads the script behind a production command; `scripts`: what a name in `package.json` stands for.
pub fn read(tree: &Tree, run: &[String], scripts: &dyn Fn(&str) -> Option<String>) -> Option<Launch> {
    // a name of package.json may stand before the script
    let named = match run {
        [npm, word, name] if word == "run" && ["npm", "pnpm", "yarn", "bun"].contains(&npm.as_str()) => scripts(name),
        _ => None,
    };
    let (path, before, text) = script(tree, &named.map_or_else(|| run.to_vec(), |line| command::words(&line)))?;
    let mut out = Launch::default();
    let mut started: Vec<Started> = Vec::new();
    let mut folder = String::new();
    let mut unclear: Option<String> = None;
    for (number, line) in lines(&text) {
        let place = format!("{path}:{}", before + number);
        for (part, end) in parts(&line) {
            let words: Vec<&str> = part.split_whitespace().collect();
            let Some(first) = words.first() else { continue };
            if CONTROL.contains(first) || part.contains("$(") || part.contains('`') || part.contains("<<") || part.contains("()") {
                if !part.contains("dirname") {
                    unclear.get_or_insert(format!("{place}: `{part}`"));
                }
                continue;
            }
            if PLUMBING.contains(first) || command::is_preparation(&part) {
                continue;
            }
            if *first == "cd" {
                folder = command::in_app(words.get(1).unwrap_or(&"").trim_matches('"'));
                continue;
            }
            if let Some(set) =
                part.strip_prefix("export ").or_else(|| (words.len() == 1 && command::is_assignment(first)).then_some(part.as_str()))
            {
                let name = set.split('=').next().unwrap_or_default();
                if !["PORT", "NODE_ENV", "PATH"].contains(&name) {
                    out.notes
                        .push(format!("{place} sets {name}: give it to the service as a variable, since the image does not run {path}"));
                }
                continue;
            }
            let bare = without_logs(&part);
            let program = bare.split_whitespace().next().unwrap_or_default();
            let program = program.rsplit('/').next().unwrap_or_default();
            if let Some((name, instead)) = SERVERS.iter().find(|(name, _)| *name == program) {
                out.notes.push(format!("{place} starts {name}: {instead}"));
                continue;
            }
            started.push(Started { folder: folder.clone(), line: bare, end, place: place.clone() });
        }
    }
    if let Some(place) = unclear {
        let why = "the wizard does not follow this, so the container runs the whole script: let it start one program, and name the others in a Procfile (`worker: COMMAND`)";
        return Some(Launch { notes: vec![format!("{place}: {why}")], ..Launch::default() });
    }
    let resolve = |one: &Started| match one.folder.as_str() {
        "" => command::resolve(&command::words(&one.line), scripts),
        _ => command::words(&one.inside("exec ")),
    };
    let last = started.iter().rposition(|s| s.end == End::Waits).or_else(|| {
        let mut faces = started.iter().enumerate().filter(|(_, s)| FACES.contains(&stem(&s.line).as_str())).map(|(at, _)| at);
        faces.next().filter(|_| faces.next().is_none())
    });
    let Some(last) = last else {
        if !started.is_empty() {
            let why = "all programs are started in the background, and none is named as the one that answers: let it start one, and name the others in a Procfile (`worker: COMMAND`)";
            out.notes.push(format!("{path}: {why}"));
        }
        return Some(Launch { main: None, beside: Vec::new(), ..out });
    };
    let mut before = Vec::new();
    for (at, one) in started.iter().enumerate() {
        match one.end {
            _ if at == last => {}
            End::Background => out.beside.push((resolve(one), one.place.clone())),
            // a step that comes to its end: it stays in front of the program
            End::Waits if one.folder.is_empty() => before.push(one.line.clone()),
            End::Waits => before.push(format!("({})", one.inside(""))),
        }
    }
    out.main = started.get(last).map(|main| {
        if before.is_empty() { resolve(main) } else { command::words(&format!("{} && {}", before.join(" && "), main.inside("exec "))) }
    });
    Some(out)
}

/// Lines without comments, those that end in `\` joined, each with its number from 1.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if open.is_none() && (line.is_empty() || line.starts_with('#')) {
            continue;
        }
        let (number, mut whole) = open.take().unwrap_or((at + 1, String::new()));
        whole.push_str(line.trim_end_matches('\\'));
        if line.ends_with('\\') {
            open = Some((number, whole));
        } else {
            out.push((number, whole));
        }
    }
    out.extend(open);
    out
}

/// The commands of a line, each with how it ends: `a & b && c; d`.
fn parts(line: &str) -> Vec<(String, End)> {
    let mut out = Vec::new();
    let mut now = String::new();
    let mut quote = None;
    let mut chars = line.chars().peekable();
    let push = |now: &mut String, end: End, out: &mut Vec<(String, End)>| {
        let part = std::mem::take(now);
        let part = part.trim();
        let part = ["exec ", "nohup "].iter().fold(part, |part, head| part.strip_prefix(head).unwrap_or(part)).trim();
        if !part.is_empty() {
            out.push((part.to_owned(), end));
        }
    };
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), _) => {
                if c == open {
                    quote = None;
                }
                now.push(c);
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                now.push(c);
            }
            (None, '&') if chars.peek() == Some(&'&') => {
                chars.next();
                push(&mut now, End::Waits, &mut out);
            }
            // `2>&1`, `&> file`
            (None, '&') if now.ends_with('>') || chars.peek() == Some(&'>') => now.push(c),
            (None, '&') => push(&mut now, End::Background, &mut out),
            (None, ';') => push(&mut now, End::Waits, &mut out),
            (None, '#') if now.is_empty() || now.ends_with(' ') => break,
            (None, _) => now.push(c),
        }
    }
    push(&mut now, End::Waits, &mut out);
    out
}

/// Without what sends its output into a file: a container's output is its log.
fn without_logs(part: &str) -> String {
    let at = part.char_indices().find(|(at, c)| *c == '>' && !part.get(..*at).unwrap_or("").contains(['"', '\''])).map(|(at, _)| at);
    let Some(at) = at else { return part.to_owned() };
    part.get(..at).unwrap_or("").trim_end_matches(['1', '2', '&']).trim_end().to_owned()
}

/// Programs that take tasks from a queue: named by what they do, not by the app that they are given.
const QUEUES: [&str; 7] = ["celery", "rq", "dramatiq", "arq", "taskiq", "huey_consumer", "huey_consumer.py"];
/// Programs that are given the app that they serve.
const SERVED: [&str; 5] = ["uvicorn", "gunicorn", "hypercorn", "flask", "streamlit"];
const ROLES: [&str; 4] = ["worker", "beat", "flower", "scheduler"];

/// The name of the file or script that a command starts: `node dist/worker.js`, `npm run worker`, `celery -A app beat`.
pub fn stem(line: &str) -> String {
    let all: Vec<&str> = line.split_whitespace().collect();
    let module = all.iter().position(|word| *word == "-m").and_then(|at| all.get(at + 1)).copied();
    let program = module.or(all.first().copied()).map(|word| word.rsplit('/').next().unwrap_or(word)).unwrap_or_default();
    if QUEUES.contains(&program) {
        return all.iter().find(|word| ROLES.contains(word)).copied().unwrap_or("worker").to_owned();
    }
    if let Some(module) = module.filter(|module| !module.contains(['/', ':']) && !SERVED.contains(module)) {
        return module.rsplit('.').next().unwrap_or(module).to_owned();
    }
    let words: Vec<&str> = all.into_iter().filter(|word| !word.starts_with('-')).collect();
    let named = words.iter().skip(1).find(|word| word.contains('.') || word.contains('/') || word.contains(':'));
    let word = named.or_else(|| words.last()).copied().unwrap_or_default();
    let name = word.rsplit('/').next().unwrap_or(word);
    name.split(['.', ':']).next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::super::service::ServiceKind;

    fn app(script: &str) -> App {
        App::new(&[
            (".replit", "modules = [\"nodejs-22\"]\n[deployment]\nrun = [\"bash\", \"start.sh\"]\n"),
            ("package.json", r#"{"name":"a","scripts":{"queue:run":"node dist/queue.js"},"dependencies":{"express":"5"}}"#),
            ("start.sh", script),
        ])
    }

    fn services(app: &App) -> Vec<String> {
        let scan = app.scan();
        let workers = scan.services.iter().filter(|s| s.kind == ServiceKind::Worker);
        assert!(workers.clone().all(|s| s.from.as_deref().is_some_and(|from| from.starts_with("start.sh:"))), "{:?}", scan.services);
        scan.services.iter().map(|s| format!("{}: {}", s.name, super::command::line(&s.run))).collect()
    }

    #[test]
    fn a_program_is_named_by_what_it_does() {
        for (line, name) in [
            ("node dist/worker.js --fast", "worker"),
            ("npm run queue", "queue"),
            ("celery -A config worker -l info", "worker"),
            ("celery -A tasks.celery beat -l INFO", "beat"),
            ("python -m celery -A x flower", "flower"),
            ("rq worker high default", "worker"),
            ("python -m app.worker", "worker"),
            ("python -m uvicorn app.main:app", "app"),
            ("gunicorn app.wsgi:application -b :8000", "app"),
        ] {
            assert_eq!(super::stem(line), name, "{line}");
        }
    }

    #[test]
    fn each_program_of_a_script_is_a_service() {
        let app = app(
            "#!/bin/bash\nset -e\nnpm ci\nredis-server --port 6379 & # beside\ncd /home/runner/workspace\nnohup node dist/worker.js > worker.log 2>&1 &\nnpm run queue:run & python3 \\\n  bots/feed.py &\nexec node dist/server.js\n",
        );
        app.put("bots/feed.py", "print(1)\n");
        app.put("src/server.js", "express().listen(process.env.PORT);\n");
        assert_eq!(services(&app), ["web: node dist/server.js", "worker: node dist/worker.js", "queue: node dist/queue.js"]);
        let notes = app.scan().notes;
        assert_eq!(
            notes,
            [
                "start.sh:4 starts redis-server: on AWS it is ElastiCache, in docker-compose.yml the service redis; the image starts none",
                "start.sh:7 starts Python (`python3 bots/feed.py`), and the image has Node alone: build an image of its own for it",
            ]
        );
    }

    #[test]
    fn steps_stay_in_front_folders_count_and_the_one_that_answers_is_found() {
        let app = app("node dist/migrate.js\ncd server && node index.js\n");
        assert_eq!(services(&app), ["web: node dist/migrate.js && cd server && exec node index.js"]);
        app.put("start.sh", "node dist/worker.js &\nnode dist/server.js &\nwait -n\n");
        assert_eq!(services(&app), ["web: node dist/server.js", "worker: node dist/worker.js"]);
    }

    #[test]
    fn a_worker_that_the_command_of_replit_starts_is_a_service() {
        let replit = "run = \"python main.py\"\n[deployment]\nrun = [\"sh\", \"-c\", \"celery -A tasks worker & gunicorn --bind 0.0.0.0:5000 main:app\"]\n";
        let app = App::new(&[
            (".replit", replit),
            ("requirements.txt", "celery\ngunicorn\n"),
            ("main.py", "x = 1\n"),
            ("tasks.py", "from celery import Celery\n"),
        ]);
        let said = |app: &App| -> Vec<String> {
            let services = app.scan().services;
            services
                .iter()
                .map(|s| format!("{} {:?} {}: {}", s.name, s.kind, s.from.clone().unwrap_or_default(), super::command::line(&s.run)))
                .collect()
        };
        assert_eq!(said(&app), ["web Web : gunicorn --bind 0.0.0.0:5000 main:app", "worker Worker .replit:3: celery -A tasks worker"]);
        app.put(".replit", &replit.replace(" worker & ", " inspect && "));
        assert_eq!(said(&app), ["web Web : celery -A tasks inspect && gunicorn --bind 0.0.0.0:5000 main:app"]);
    }

    #[test]
    fn what_is_not_followed_is_told_and_stays() {
        for (script, told) in [
            ("if [ -f x ]; then\n  node a.js &\nfi\nnode b.js\n", "start.sh:1: `if [ -f x ]`: the wizard does not follow this"),
            ("node a.js &\nnode b.js &\nwait\n", "start.sh: all programs are started in the background"),
        ] {
            let app = app(script);
            assert_eq!(services(&app), ["web: bash start.sh"], "{script}");
            assert!(app.scan().notes.iter().any(|note| note.starts_with(told)), "{:?}", app.scan().notes);
        }
    }
}
