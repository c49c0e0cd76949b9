//! `schema edit-orm` on a real app: after its edits the sample says what the converted database is, and TypeScript still agrees.

use std::path::Path;
use std::process::Command;

use migrate_wizard::postgres::dump;

use crate::support::postgres::{block, sample};
use crate::support::wizard::Wizard;

/// The sample in a git work tree with its packages, and a dump of its live schema outside of it.
struct App {
    wizard: Wizard,
    beside: tempfile::TempDir,
}

impl App {
    fn new() -> Self {
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sample/node_modules");
        assert!(packages.join("typescript").is_dir(), "the sample's packages are not installed: run `make typescript`");
        let app = Self { wizard: Wizard::sample(), beside: tempfile::tempdir().unwrap() };
        app.git(&["init", "-q"]);
        app.git(&["add", "."]);
        app.git(&["commit", "-qm", "the app"]);
        std::os::unix::fs::symlink(packages, app.wizard.path().join("node_modules")).unwrap();
        let sql = block(dump::schema_only(&sample(1), &["migrate_wizard".into()])).unwrap();
        std::fs::write(app.dump(), sql).unwrap();
        app
    }

    fn dump(&self) -> std::path::PathBuf {
        self.beside.path().join("dump.sql")
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.wizard.path().join(path)).unwrap()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
        let output = Command::new("git").current_dir(self.wizard.path()).args(identity).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the compiler has to say; nothing when it agrees.
    fn tsc(&self) -> String {
        let output = Command::new("node").args(["node_modules/typescript/bin/tsc", "--noEmit"]).current_dir(self.wizard.path()).output();
        let output = output.expect("node is not installed: run `make typescript`");
        assert!(output.status.success() != String::from_utf8_lossy(&output.stdout).contains("error TS"), "{output:?}");
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
    }

    /// Exit code, standard output, standard error.
    fn edit(&self, target: &str, more: &[&str]) -> (i32, String, String) {
        let dump = self.dump();
        let mut arguments = vec!["schema", "edit-orm", "--from", dump.to_str().unwrap(), "--target", target];
        arguments.extend(more);
        let output = self.wizard.command(&arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

#[test]
fn the_sample_compiles_after_its_edits_as_before() {
    let app = App::new();
    assert_eq!(app.tsc(), "", "before");
    let (code, _, told) = app.edit("dsql", &[]);
    assert_eq!(app.git(&["status", "--porcelain", "--untracked-files=no"]), "", "nothing was asked to be written");

    // The patch is what --apply writes.
    let patch = app.beside.path().join("orm.patch");
    app.edit("dsql", &["--patch", patch.to_str().unwrap()]);
    app.git(&["apply", patch.to_str().unwrap()]);
    let patched = app.git(&["diff"]);
    app.git(&["checkout", "-q", "."]);
    let (code_applied, _, _) = app.edit("dsql", &["--apply"]);
    assert_eq!(app.git(&["diff"]), patched);
    assert_eq!((code, code_applied), (0, 0), "{told}");
    assert_eq!(app.tsc(), "", "after");

    let schema = app.text("shared/schema.ts");
    for line in [
        "export const grievanceStatus = { enumName: \"grievance_status\", enumValues: [\"open\", \"in_review\", \"answered\", \"closed\", \"withdrawn\"] } as const;",
        "  id: bigint(\"id\", { mode: \"number\" }).generatedByDefaultAsIdentity().primaryKey(),",
        "  parentId: bigint(\"parent_id\", { mode: \"number\" }).references((): AnyPgColumn => departments.id, { onDelete: \"set null\" }),",
        "  languages: jsonb(\"languages\").$type<string[]>().notNull().default([]),",
        "  levels: jsonb(\"levels\").$type<number[]>(),",
        "    status: text(\"status\", { enum: grievanceStatus.enumValues }).notNull().default(\"open\"),",
        "    index(\"grievances_newest_idx\").on(t.createdAt.nullsFirst()),",
        "    exchangeRate: numeric(\"exchange_rate\", { precision: 38, scale: 9 }),",
        "    id: bigint(\"id\", { mode: \"number\" }).primaryKey().generatedByDefaultAsIdentity(),",
        "    check(\"grievances_status_check\", sql`status IN ('open', 'in_review', 'answered', 'closed', 'withdrawn')`),",
    ] {
        assert!(schema.lines().any(|found| found == line), "missing: {line}\n{schema}");
    }
    for gone in ["serial", "pgEnum", ".array()", "using(\"gin\"", ".desc()", "grievance_events_payload_idx"] {
        assert!(!schema.contains(gone), "still there: {gone}\n{schema}");
    }

    // Once is enough.
    app.git(&["commit", "-qam", "edited"]);
    let (code, _, told) = app.edit("dsql", &["--apply"]);
    assert!(code == 0 && told.contains("nothing to change"), "{code} {told}");
    assert_eq!(app.git(&["status", "--porcelain", "--untracked-files=no"]), "");
}

#[test]
fn what_was_chosen_is_what_is_written() {
    let app = App::new();
    let choices = ["--choose", "foreign_keys=dropped", "--choose", "enums=lookup_table", "--choose", "serial_keys=uuid", "--apply"];
    let (code, _, told) = app.edit("dsql", &choices);
    let schema = app.text("shared/schema.ts");
    assert_eq!(schema.matches(".references(").count(), 0, "{schema}");
    assert!(!schema.contains("AnyPgColumn") && !schema.contains("grievances_status_check"), "{schema}");
    for line in [
        "  id: uuid(\"id\").defaultRandom().primaryKey(),",
        "  parentId: uuid(\"parent_id\"),",
        "    status: text(\"status\", { enum: grievanceStatus.enumValues }).notNull().default(\"open\"),",
    ] {
        assert!(schema.lines().any(|found| found == line), "missing: {line}\n{schema}\n{told}");
    }
    // A column computed from a number that is a uuid now; the lookup table, which the app does not declare.
    let hands: Vec<&str> = told.lines().filter(|line| line.starts_with("  shared/") && line.contains(" -> ")).map(str::trim).collect();
    assert_eq!(
        hands,
        [
            "shared/schema.ts:58 public.grievances.reference: text -> nothing",
            "shared/schema.ts:63 public.grievances.status: nothing -> public.grievance_status",
            "shared/schema.ts:94 public.grievance_events.new_status: nothing -> public.grievance_status",
        ]
    );
    assert_eq!(code, 1, "{told}");
}

#[test]
fn postgres_itself_changes_no_table_of_the_app() {
    let app = App::new();
    for target in ["rds", "aurora"] {
        let (code, diff, told) = app.edit(target, &[]);
        assert_eq!((code, diff.as_str()), (0, ""), "{told}");
        assert!(told.contains("nothing to change"), "{told}");
    }
}

#[test]
fn what_git_could_not_give_back_is_not_written() {
    let app = App::new();
    let mine = app.text("shared/schema.ts") + "// mine\n";
    std::fs::write(app.wizard.path().join("shared/schema.ts"), &mine).unwrap();
    let (code, _, told) = app.edit("dsql", &["--apply"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("not committed: shared/schema.ts") && told.contains("--force"), "{told}");
    assert_eq!(app.text("shared/schema.ts"), mine);
    let (code, _, told) = app.edit("dsql", &["--apply", "--force"]);
    assert_eq!(code, 0, "{told}");
    assert!(app.text("shared/schema.ts").ends_with("// mine\n") && app.text("shared/schema.ts").contains("generatedByDefaultAsIdentity"));
}
