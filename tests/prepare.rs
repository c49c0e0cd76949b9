//! `app prepare` on a real app: the code changes on a branch of its own, or as patches, as it was shown, and TypeScript still agrees.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::pty::Pty;
use crate::support::wizard::Wizard;

const BRANCH: &str = "migrate-wizard/prepare";

/// The sample in a git work tree with one commit.
pub struct App {
    pub wizard: Wizard,
    beside: tempfile::TempDir,
}

impl App {
    pub fn new() -> Self {
        Self::of(Wizard::sample())
    }

    /// An app's checkout in a git work tree with one commit.
    pub fn of(wizard: Wizard) -> Self {
        let app = Self { wizard, beside: tempfile::tempdir().unwrap() };
        app.git(&["init", "-q", "-b", "main"]);
        app.git(&["add", "."]);
        app.git(&["commit", "-qm", "the app"]);
        app
    }

    /// With the packages that its compiler needs.
    pub fn with_packages() -> Self {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sample/node_modules");
        assert!(packages.join("typescript").is_dir(), "the sample's packages are not installed: run `make typescript`");
        let app = Self::new();
        std::os::unix::fs::symlink(packages, app.path("node_modules")).unwrap();
        app
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.wizard.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
        let output = Command::new("git").current_dir(self.wizard.path()).args(identity).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code, standard output, standard error.
    pub fn prepare(&self, more: &[&str]) -> (i32, String, String) {
        let done = self.wizard.run(&[&["app", "prepare"], more].concat());
        (done.code(), done.out(), done.err())
    }

    /// Branch, commit and changes: where the person stands.
    fn stands(&self) -> (String, String, String) {
        let branches = self.git(&["branch", "--format=%(refname:short) %(HEAD)"]);
        (branches, self.git(&["rev-parse", "HEAD"]), self.git(&["status", "--porcelain", "--untracked-files=no"]))
    }

    pub fn tsc(&self) -> String {
        let output = Command::new("node").args(["node_modules/typescript/bin/tsc", "--noEmit"]).current_dir(self.wizard.path()).output();
        let output = output.expect("node is not installed: run `make typescript`");
        assert!(output.status.success() != String::from_utf8_lossy(&output.stdout).contains("error TS"), "{output:?}");
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
    }

    pub fn signals(&self) -> BTreeSet<String> {
        let done = self.wizard.run(&["app", "scan", "--json"]).expect(0);
        let scan: serde_json::Value = serde_json::from_str(&done.out()).unwrap();
        scan["findings"].as_array().unwrap().iter().map(|finding| finding["signal"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn the_sample_is_prepared_on_a_branch_as_shown_and_compiles_as_before() {
    let app = App::with_packages();
    assert_eq!(app.tsc(), "", "before");
    let found = app.signals();
    let stood = app.stands();

    // Without a terminal and without --yes: the diff, and nothing else.
    let (code, shown, told) = app.prepare(&[]);
    assert_eq!((code, app.stands() == stood), (1, true), "{told}");
    assert!(told.contains("nothing was changed") && told.contains("server/index.ts\n  because: "), "{told}");

    let (code, done, told) = app.prepare(&["--yes"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(app.git(&["branch", "--show-current"]).trim(), BRANCH);
    assert_eq!(app.git(&["status", "--porcelain", "--untracked-files=no"]), "");

    // What was shown is what is there now.
    let patch = app.beside.path().join("shown.patch");
    std::fs::write(&patch, &shown).unwrap();
    let after = app.git(&["rev-parse", "HEAD^{tree}"]);
    app.git(&["checkout", "-q", "-b", "by-hand", "main"]);
    app.git(&["apply", "--index", patch.to_str().unwrap()]);
    assert_eq!(app.git(&["write-tree"]), after, "the diff that was shown is not the change that was made");
    app.git(&["reset", "-q", "--hard"]);
    app.git(&["checkout", "-q", BRANCH]);

    // One commit for each edit that was told, each with its reason.
    let subjects = app.git(&["log", "--reverse", "--format=%s", "main..HEAD"]);
    assert_eq!(subjects.lines().count(), done.lines().count(), "{subjects}\n{done}");
    for line in [
        "Replit's vite plugins are taken out",
        "Replit's login becomes Cognito's, and people keep their ids",
        "A health route for the load balancer",
    ] {
        assert!(subjects.lines().any(|subject| subject == line), "missing: {line}\n{subjects}");
    }

    assert_eq!(app.tsc(), "", "after");

    // What the edits answer is found no more.
    let left = app.signals();
    let edits: serde_json::Value = serde_json::from_str(&app.wizard.run(&["app", "prepare", "--list", "--json"]).expect(0).out()).unwrap();
    let answered: BTreeSet<String> = edits
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|edit| edit["signals"].as_array().unwrap())
        .map(|signal| signal.as_str().unwrap().to_owned())
        .collect();
    let met: Vec<&String> = found.intersection(&answered).collect();
    assert!(met.len() >= 8, "the sample no longer shows what edits answer: {met:?}");
    assert_eq!(left.intersection(&answered).collect::<Vec<_>>(), [] as [&String; 0], "still found; before: {met:?}");

    // Once is enough.
    app.git(&["branch", "-q", "-m", "taken"]);
    let (code, _, told) = app.prepare(&["--yes"]);
    assert!(code == 0 && told.contains("nothing to change"), "{code} {told}");
    assert_eq!(app.git(&["branch", "--show-current"]).trim(), "taken");
}

/// The column of the login comes by the app's own migrations: drizzle-kit takes the one that is added for its own.
#[test]
fn the_next_migration_that_drizzle_kit_makes_says_nothing_of_the_login() {
    const NOTHING: &str = "No schema changes, nothing to migrate";
    let app = App::with_packages();
    let generate = || {
        let mut kit = Command::new("node");
        kit.args(["node_modules/drizzle-kit/bin.cjs", "generate", "--name", "next"]).current_dir(app.wizard.path());
        let done = kit.env("DATABASE_URL", "postgres://127.0.0.1:1/none").stdin(std::process::Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
    };
    // the sample's schema is ahead of its migrations: one more is made of that
    let first = generate();
    assert!(app.path("migrations/0002_next.sql").is_file() && generate().contains(NOTHING), "{first}");
    app.git(&["add", "migrations"]);
    app.git(&["commit", "-qm", "the schema as it is"]);
    let (code, _, told) = app.prepare(&["--yes"]);
    assert_eq!(code, 0, "{told}");
    assert!(app.text("migrations/0003_auth_subject.sql").contains("add column if not exists \"auth_subject\" text"));
    assert!(app.text("CHECKLIST-CODE.md").contains("migrations/0003_auth_subject.sql: see that the app's migrations run on the target"));
    assert!(!app.path(".migrate/sql/auth_subject.sql").exists());
    let told = generate();
    assert!(told.contains(NOTHING), "{told}");
}

#[test]
fn patches_apply_in_order_and_leave_the_tree_alone() {
    let app = App::new();
    let stood = app.stands();
    let folder = app.beside.path().join("patches");
    let (code, _, told) = app.prepare(&["--yes", "--patches", folder.to_str().unwrap()]);
    assert_eq!((code, app.stands() == stood), (0, true), "{told}");
    let mut patches: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    patches.sort();
    assert!(patches[0].ends_with("0001-vite-plugins.patch") && patches.last().unwrap().ends_with("-checklist.patch"), "{patches:?}");
    let all: Vec<&str> = patches.iter().map(String::as_str).collect();
    for patch in &all {
        app.git(&["apply", "--check", patch]);
        app.git(&["apply", "--index", patch]);
    }
    let by_patches = app.git(&["write-tree"]);
    app.git(&["reset", "-q", "--hard"]);
    app.prepare(&["--yes"]);
    assert_eq!(app.git(&["rev-parse", "HEAD^{tree}"]), by_patches);
    let (code, _, told) = app.prepare(&["--yes", "--patches", folder.to_str().unwrap(), "--only", "hosts"]);
    assert!(code == 0 && told.contains("nothing to change"), "{code} {told}");
    app.git(&["checkout", "-q", "main"]);
    let (code, _, told) = app.prepare(&["--yes", "--patches", folder.to_str().unwrap()]);
    assert!(code == 1 && told.contains("is not empty"), "{code} {told}");
}

#[test]
fn what_would_be_mixed_or_lost_is_refused() {
    let app = App::new();
    let refused = |more: &[&str], words: &str| {
        let stood = app.stands();
        let (code, _, told) = app.prepare(&[&["--yes"], more].concat());
        assert!(code == 1 && told.contains(words) && told.contains("next:"), "{code} {told}");
        assert_eq!(app.stands(), stood);
    };
    let readme = app.text("replit.md");
    std::fs::write(app.path("replit.md"), "mine\n").unwrap();
    refused(&[], "not committed: replit.md");
    std::fs::write(app.path("replit.md"), readme).unwrap();
    std::fs::write(app.path("server/mine.ts"), "export const url = \"https://shop.replit.app\";\n").unwrap();
    refused(&[], "not in git: server/mine.ts");
    std::fs::remove_file(app.path("server/mine.ts")).unwrap();
    app.git(&["branch", "mine"]);
    refused(&["--branch", "mine"], "the branch mine is there already");
    let (code, _, told) = app.prepare(&["--yes", "--branch", "no..name"]);
    assert!(code == 2 && told.contains("no..name is no name for a branch"), "{code} {told}");
    let (code, _, told) = app.prepare(&["--yes", "--only", "neno"]);
    assert!(code == 2 && told.contains("there is no edit neno") && told.contains("neon"), "{code} {told}");
}

#[test]
fn on_the_prepared_branch_the_hint_can_be_followed_and_an_idle_edit_is_named() {
    let app = App::new();
    let (code, _, told) = app.prepare(&["--yes", "--only", "hosts,login-flask"]);
    assert!(code == 0 && !told.contains("0 items open"), "{told}");
    let idle = app.prepare(&["--yes", "--only", "hosts", "--branch", "again"]).2;
    assert!(idle.contains("nothing to change") && idle.contains("hosts: nothing to change in this app"), "{idle}");
    let (code, _, told) = app.prepare(&["--yes"]);
    assert!(code == 1 && told.contains("you are on it: merge it") && !told.contains("branch -D"), "{code} {told}");
}

#[test]
fn without_git_a_branch_is_refused_and_patches_are_written() {
    let app = App { wizard: Wizard::sample(), beside: tempfile::tempdir().unwrap() };
    let (code, _, told) = app.prepare(&["--yes"]);
    assert!(code == 1 && told.contains("is not in a git work tree") && told.contains("--patches DIR"), "{code} {told}");
    let folder = app.beside.path().join("p");
    let (code, _, told) = app.prepare(&["--yes", "--only", "dev-banner", "--patches", folder.to_str().unwrap()]);
    assert_eq!(code, 0, "{told}");
    // run elsewhere it names a path that works in the app's folder
    let app_dir = app.wizard.path().to_str().unwrap();
    let args = ["app", "prepare", app_dir, "--yes", "--only", "dev-banner", "--patches", "pp"];
    let done = app.wizard.command(&args).current_dir(app.beside.path()).output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    let (_, named) = told.lines().find_map(|line| line.split_once("in the app's folder: git apply ")).unwrap();
    assert!(app.wizard.path().join(named.trim_end_matches("/*.patch")).join("0001-dev-banner.patch").exists(), "{told}");
    let here = app.prepare(&["--yes", "--only", "dev-banner", "--patches", "pp"]).2;
    assert!(here.contains("in the app's folder: git apply pp/*.patch"), "{here}");
    assert!(
        std::fs::read_to_string(folder.join("0001-dev-banner.patch"))
            .unwrap()
            .contains("-    <script type=\"text/javascript\" src=\"https://replit.com/public/js/replit-dev-banner.js\"></script>\n")
    );
}

#[test]
fn nothing_of_the_app_is_executed() {
    let app = App::new();
    let witness = app.beside.path().join("executed");
    let hook = format!("#!/bin/sh\ntouch {}\n", witness.display());
    for name in ["post-checkout", "pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change"] {
        let path = app.path(".git/hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &hook).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let (code, _, told) = app.prepare(&["--yes"]);
    assert_eq!(code, 0, "{told}");
    assert!(!witness.exists(), "a hook of the app ran");
    // They do run when git is asked plainly: the test can fail.
    app.git(&["checkout", "-q", "main"]);
    assert!(witness.exists(), "the hooks of this test do not run at all");
}

#[test]
fn commits_are_the_persons_where_git_knows_them_and_ours_where_not() {
    for (own, author) in [(true, "Ada <ada@example.org>"), (false, "migrate-wizard <migrate-wizard@localhost>")] {
        let app = App::new();
        if own {
            app.git(&["config", "user.name", "Ada"]);
            app.git(&["config", "user.email", "ada@example.org"]);
        }
        let mut command = app.wizard.command(&["app", "prepare", "--yes", "--only", "dev-banner"]);
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(app.git(&["log", "-1", "--format=%an <%ae>"]).trim(), author);
    }
}

/// Killed at any moment, the person has the tree as it was, or the new branch with all of its commits.
#[test]
fn a_killed_prepare_leaves_the_tree_or_whole_commits() {
    let whole = {
        let app = App::new();
        app.prepare(&["--yes"]);
        app.git(&["rev-parse", "HEAD^{tree}"])
    };
    let real = String::from_utf8(Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout).unwrap();
    let mut untouched = 0;
    let mut moved = 0;
    for killed_at in [1, 2, 8, 9, 15, 30, 60, 90, 400] {
        let app = App::new();
        let stood = app.stands();
        // A git that kills who called it, before its n-th call.
        let tools = app.beside.path().join("tools");
        std::fs::create_dir(&tools).unwrap();
        let count = app.beside.path().join("count");
        let script = format!(
            "#!/bin/sh\necho x >> {count}\n[ $(wc -l < {count}) -eq {killed_at} ] && kill -9 $PPID && exit 1\nexec {real} \"$@\"\n",
            count = count.display(),
            real = real.trim()
        );
        std::fs::write(tools.join("git"), script).unwrap();
        std::fs::set_permissions(tools.join("git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        let output = app.wizard.command(&["app", "prepare", "--yes"]).env("PATH", path).output().unwrap();
        let now = app.stands();
        assert_eq!(now.2, "", "killed at call {killed_at}: files are half written");
        if output.status.code().is_none() {
            assert_eq!(now.1, stood.1, "killed at call {killed_at}: moved");
            if now.0.contains(BRANCH) {
                assert_eq!(
                    app.git(&["rev-parse", &format!("{BRANCH}^{{tree}}")]),
                    whole,
                    "killed at call {killed_at}: the branch is not whole"
                );
            } else {
                untouched += 1;
            }
            // The same command again, once a branch of that name is out of the way.
            if now.0.contains(BRANCH) {
                app.git(&["branch", "-q", "-D", BRANCH]);
            }
            let (code, _, told) = app.prepare(&["--yes"]);
            assert_eq!(code, 0, "killed at call {killed_at}: {told}");
        } else {
            moved += 1;
        }
        assert_eq!(app.git(&["rev-parse", "HEAD^{tree}"]), whole);
    }
    assert!(untouched >= 3 && moved >= 1, "killed before the branch: {untouched}, not killed: {moved}");
}

/// Where git cannot move to the new branch the person is where they were, and there is no branch.
#[test]
fn a_branch_that_cannot_be_moved_to_is_taken_back() {
    let app = App::new();
    let stood = app.stands();
    std::fs::write(app.path(".git/index.lock"), "").unwrap();
    let (code, _, told) = app.prepare(&["--yes"]);
    std::fs::remove_file(app.path(".git/index.lock")).unwrap();
    assert!(code == 1 && told.contains("git could not move to the branch"), "{code} {told}");
    assert_eq!(app.stands(), stood);
}

#[test]
fn an_app_in_a_folder_of_its_repository_is_prepared_there() {
    let top = tempfile::tempdir().unwrap();
    let app = top.path().join("apps/web");
    std::fs::create_dir_all(app.join("server")).unwrap();
    std::fs::write(app.join("package.json"), "{ \"name\": \"web\" }\n").unwrap();
    std::fs::write(app.join("server/a.ts"), "export const url = \"https://shop.replit.app\";\n").unwrap();
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(top.path())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    Wizard::empty().run(&["app", "prepare", app.to_str().unwrap(), "--yes", "--branch", "aws"]).expect(0);
    assert_eq!(git(&["diff", "--name-only", "main", "aws"]), "apps/web/server/a.ts\n");
    assert_eq!(std::fs::read_to_string(app.join("server/a.ts")).unwrap(), "export const url = process.env.APP_URL!;\n");
}

/// In a terminal each file is asked about: what is kept stays as it is, what is taken is on the branch.
#[test]
fn a_person_takes_one_file_and_keeps_another() {
    let app = App::new();
    let page = app.text("client/index.html");
    let mut pty = Pty::wizard(&app.wizard, &["app", "prepare", "--only", "hosts,dev-banner"], 160, 60);
    pty.wait_for("client/index.html (1 of ").wait_for("keep this file as it is").wait_until_raw();
    pty.keys("\x1b[B\r");
    pty.wait_for("server/routes.ts (2 of ").wait_stable().wait_until_raw();
    pty.keys("\r");
    // What is left to do is another change than the one that was to be seen.
    pty.wait_for("CHECKLIST-CODE.md (1 of 1)").wait_for("decide about this file").wait_until_raw();
    pty.keys("\r");
    pty.wait_for("you are on migrate-wizard/prepare");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
    assert_eq!(app.text("client/index.html"), page);
    assert!(app.text("server/routes.ts").contains("const PUBLIC_URL = process.env.APP_URL!;"));
    assert_eq!(app.git(&["diff", "--name-only", "main"]), "CHECKLIST-CODE.md\nserver/routes.ts\n");
}

#[test]
fn a_person_who_stops_has_changed_nothing() {
    let app = App::new();
    let stood = app.stands();
    let mut pty = Pty::wizard(&app.wizard, &["app", "prepare"], 160, 60);
    pty.wait_for("(1 of ").wait_for("stop, change nothing").wait_until_raw();
    pty.keys("\x03");
    pty.wait_for("nothing was changed");
    assert_eq!(pty.wait_exit(), 130);
    pty.assert_restored();
    assert_eq!(app.stands(), stood);
}

/// What a scan still finds afterwards is on the list, with its place; a tick stays, and what is found no more goes.
#[test]
fn the_checklist_is_the_whole_list() {
    let app = App::new();
    let (code, _, told) = app.prepare(&["--yes"]);
    assert_eq!(code, 0, "{told}");
    let list = app.text("CHECKLIST-CODE.md");
    assert!(list.contains("- [ ] package-lock.json: run `npm install` and commit this file (package.json asks for"), "{list}");
    let edits: serde_json::Value = serde_json::from_str(&app.wizard.run(&["app", "prepare", "--list", "--json"]).expect(0).out()).unwrap();
    let eased = |signal: &str| edits.as_array().unwrap().iter().any(|edit| edit["eases"].as_array().unwrap().iter().any(|id| id == signal));
    let scan: serde_json::Value = serde_json::from_str(&app.wizard.run(&["app", "scan", "--json"]).expect(0).out()).unwrap();
    let mut met = 0;
    for finding in scan["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] != "I") {
        let (signal, file) = (finding["signal"].as_str().unwrap(), finding["file"].as_str().unwrap());
        let place = finding["line"].as_u64().map_or(file.to_owned(), |line| format!("{file}:{line}"));
        if !eased(signal) {
            assert!(list.contains(&format!("\n- [ ] {place}: [{signal}] ")), "{signal} {place} is missing in\n{list}");
            met += 1;
        }
    }
    assert!(met >= 3, "only {met} findings are left in\n{list}");

    // A second time each open item is named, and what is ticked counts as done.
    let open = list.lines().filter(|line| line.starts_with("- [ ] ")).count();
    let (code, named, told) = app.prepare(&["--yes", "--branch", "again"]);
    assert!(code == 0 && told.contains("nothing to change") && told.contains(&format!("{open} items open, 0 ticked")), "{told}");
    let mut lines: Vec<&str> = named.lines().filter_map(|line| line.strip_prefix("for a person: ")).collect();
    let mut listed: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix("- [ ] ")).collect();
    lines.sort_unstable();
    listed.sort_unstable();
    assert_eq!(lines, listed);
    let first = list.lines().find(|line| line.contains(": [")).unwrap();
    std::fs::write(app.path("CHECKLIST-CODE.md"), list.replace(first, &first.replace("- [ ]", "- [x]"))).unwrap();
    std::fs::write(app.path("server/mine.ts"), "export const ADMIN_USER_IDS = [\"31415926\"];\n").unwrap();
    app.git(&["add", "."]);
    app.git(&["commit", "-qm", "one is done, and there is a new one"]);
    let (code, _, told) = app.prepare(&["--dry-run"]);
    assert!(code == 0 && told.contains(&format!("{open} items open, 1 ticked")), "{told}");
    let (code, _, told) = app.prepare(&["--yes", "--branch", "more"]);
    assert_eq!(code, 0, "{told}");
    let ticked = first.replace("- [ ]", "- [x]");
    let more = app.text("CHECKLIST-CODE.md");
    assert!(more.contains("- [ ] server/mine.ts:1: [B6] ") && more.contains(&ticked), "{more}");
    app.git(&["rm", "-q", "server/mine.ts"]);
    app.git(&["commit", "-qm", "gone"]);
    let (code, _, told) = app.prepare(&["--yes", "--branch", "less"]);
    assert_eq!(code, 0, "{told}");
    let less = app.text("CHECKLIST-CODE.md");
    assert!(!less.contains("server/mine.ts") && less.contains(&ticked), "{less}");
    assert_eq!(less.lines().count() + 1, more.lines().count());
}
