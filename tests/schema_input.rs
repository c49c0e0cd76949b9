//! Whatever is given as a dump: a clear error with file, line, column and a caret, or correct handling. Never a panic, nothing silent.

#[path = "schema_input/cases.rs"]
mod cases;

use migrate_wizard::error::Kind;
use migrate_wizard::schema::{self, Conversion, Options, Target};

use self::cases::{Says, TEXTS};
use crate::support::wizard::Wizard;

fn convert(bytes: &[u8]) -> migrate_wizard::error::Result<Conversion> {
    schema::convert_file("bad.sql", &schema::decode("bad.sql", bytes.to_vec())?, Target::Rds, &Options::default())
}

/// A file whose content is not text that pg_dump prints, and what is said of it.
const BYTES: &[(&str, &[u8], &str, &str)] = &[
    (
        "custom format",
        b"PGDMP\x01\x0e\x00\x04",
        "bad.sql is a dump in pg_dump's custom format",
        "pg_restore --schema-only --no-owner --no-privileges -f dump.sql bad.sql",
    ),
    (
        "tar format",
        b"toc.dat\0\0\0\0",
        "bad.sql is a dump in pg_dump's tar format",
        "pg_restore --schema-only --no-owner --no-privileges -f dump.sql bad.sql",
    ),
    ("gzip", b"\x1f\x8b\x08\x00", "bad.sql is compressed by gzip", "gzip --decompress --stdout bad.sql > dump.sql"),
    ("zstd", b"\x28\xb5\x2f\xfd\x04", "bad.sql is compressed by zstd", "zstd --decompress --stdout bad.sql > dump.sql"),
    ("zip", b"PK\x03\x04\x14\x00", "bad.sql is a zip archive", "unzip -p bad.sql > dump.sql"),
    ("xz", b"\xfd7zXZ\0\x00", "bad.sql is compressed by xz", "xz --decompress --stdout bad.sql > dump.sql"),
    ("a SQLite file", b"SQLite format 3\0\x10", "bad.sql is a SQLite database", "load it into an empty Postgres"),
    (
        "UTF-16 with a mark",
        b"\xff\xfeC\0R\0E\0A\0T\0E\0",
        "bad.sql is text in UTF-16",
        "iconv --from-code UTF-16 --to-code UTF-8 bad.sql > dump.sql",
    ),
    ("UTF-16, the other order", b"\xfe\xff\0C\0R\0E\0A\0T\0E", "bad.sql is text in UTF-16", "iconv --from-code UTF-16"),
    ("UTF-16 without a mark", b"C\0R\0E\0A\0T\0E\0 \0T\0", "bad.sql is text in UTF-16", "iconv --from-code UTF-16"),
    ("a program", b"\x7fELF\x02\x01\x01", "bad.sql is a program", "pg_dump --schema-only --no-owner --no-privileges"),
    (
        "noughts in text",
        b"CREATE TABLE a (b int);\0",
        "bad.sql is not text: byte 23 is zero",
        "pg_dump --schema-only --no-owner --no-privileges",
    ),
    (
        "LATIN1",
        b"CREATE TABLE a (b int);\nCOMMENT ON TABLE a IS 'Stra\xdfe';",
        "bad.sql:2:28 is not UTF-8: byte 0xdf",
        "make the dump with `pg_dump --schema-only --encoding=UTF8`",
    ),
    ("half a letter at the end", b"COMMENT ON TABLE a IS '\xc3", "bad.sql:1:24 is not UTF-8: byte 0xc3", "make the dump with"),
    ("nothing", b"", "bad.sql is empty", "pg_dump --schema-only --no-owner --no-privileges"),
    ("white space", b" \r\n\t\n", "bad.sql is empty", "pg_dump --schema-only --no-owner --no-privileges"),
    ("a mark and nothing", b"\xef\xbb\xbf", "bad.sql is empty", "pg_dump --schema-only --no-owner --no-privileges"),
    ("random bytes", b"\x8a\x01\xfe\x93\x11", "bad.sql:1:1 is not UTF-8: byte 0x8a", "make the dump with"),
];

#[test]
fn every_text_is_handled_or_refused_with_its_place() {
    assert!(TEXTS.len() + BYTES.len() >= 100, "{}", TEXTS.len() + BYTES.len());
    for (name, text, says) in TEXTS {
        match (convert(text.as_bytes()), says) {
            (Err(error), Says::Error(what, next)) => {
                assert_eq!((error.what.as_str(), error.kind, error.exit_code()), (*what, Kind::Input, 2), "{name}");
                assert!(error.hint.contains(next), "{name}: {error}");
                points_at_its_place(name, text, &error);
            }
            (Ok(conversion), Says::Converts(statements, findings)) => {
                let found: Vec<String> = conversion.findings.iter().map(|f| format!("{}: {}", f.id, f.what)).collect();
                assert_eq!(
                    (conversion.statements.len(), found),
                    (*statements, findings.iter().map(ToString::to_string).collect()),
                    "{name}"
                );
            }
            (Err(error), Says::Converts(..)) => panic!("{name}: {error}"),
            (Ok(conversion), Says::Error(what, _)) => panic!("{name}: not {what}, but {conversion:#?}"),
        }
    }
}

/// The line that is shown is the line that is named, and the caret stands under its column.
fn points_at_its_place(name: &str, text: &str, error: &migrate_wizard::error::Error) {
    let place = error.what.split("bad.sql:").nth(1).unwrap();
    let mut numbers = place.split(':').map(|number| number.parse::<usize>().unwrap_or_default());
    let (line, column) = (numbers.next().unwrap(), numbers.next().unwrap());
    let shown: Vec<&str> = error.causes[0].lines().collect();
    let [head, above, below] = shown.as_slice() else { panic!("{name}: {error}") };
    let (number, above_text) = above.trim_start().split_once(" | ").unwrap();
    assert_eq!((*head, number), ("in this line", line.to_string().as_str()), "{name}");
    let at = |line: &str, wanted: &str| line.chars().count() - line.split_once(wanted).unwrap().1.chars().count() - wanted.chars().count();
    let caret = at(below, "^");
    let letter = text.lines().nth(line - 1).unwrap().chars().nth(column - 1);
    assert_eq!(above.chars().nth(caret), letter.map(|c| if c.is_control() { ' ' } else { c }), "{name}: {above_text}\n{error}");
}

#[test]
fn every_file_that_is_no_text_is_named_and_says_what_to_do() {
    for (name, bytes, what, next) in BYTES {
        let error = convert(bytes).expect_err(name);
        assert_eq!((error.what.as_str(), error.kind), (*what, Kind::Input), "{name}");
        assert!(error.hint.contains(next), "{name}: {error}");
    }
}

#[test]
fn a_byte_order_mark_changes_nothing() {
    let plain = convert(b"CREATE TABLE public.a (b integer);").unwrap();
    assert_eq!(convert(b"\xef\xbb\xbfCREATE TABLE public.a (b integer);").unwrap(), plain);
}

#[test]
fn every_text_is_handled_or_refused_for_every_target() {
    for (name, text, _) in TEXTS {
        for target in [Target::Aurora, Target::Dsql] {
            if let Err(error) = schema::convert_file("bad.sql", text, target, &Options::default()) {
                assert!(error.kind == Kind::Input && !error.hint.is_empty() && error.what.contains("bad.sql:"), "{name}: {error}");
            }
        }
    }
}

#[test]
fn the_command_shows_the_place_and_ends_with_2() {
    let wizard = Wizard::empty();
    let put = |name: &str, bytes: &[u8]| std::fs::write(wizard.path().join(name), bytes).unwrap();
    put("bad.sql", b"CREATE TABLE public.a (\n    b integer,\n);\n");
    put("shop.dump", b"PGDMP\x01\x0e\x00");
    std::fs::create_dir(wizard.path().join("folder")).unwrap();
    put("folder/toc.dat", b"PGDMP");
    std::fs::create_dir(wizard.path().join("other")).unwrap();
    let run = |file: &str| wizard.run(&["schema", "check", "--from", file, "--target", "rds"]).expect(2);
    run("bad.sql")
        .says("cannot parse bad.sql:3:1: syntax error at or near \")\"")
        .says("in this line\n    3 | );\n      | ^")
        .says("expected: a name")
        .says("next:");
    run("shop.dump").says("shop.dump is a dump in pg_dump's custom format").says("-f dump.sql shop.dump");
    run("folder").says("folder is a dump in pg_dump's directory format").says("-f dump.sql folder");
    run("other").says("other is a folder").says("next:");
    run("none.sql").says("cannot read none.sql").says("next:");
}

#[test]
fn a_schema_that_is_not_wanted_is_left_out_with_what_stands_on_it() {
    let dump = "CREATE SCHEMA stripe;\nCREATE TABLE stripe.accounts (id text);\nCREATE TABLE public.orders (id integer, account text);\nCREATE VIEW public.paid AS SELECT id FROM stripe.accounts;\nCREATE VIEW public.open AS SELECT id FROM public.orders;\nALTER TABLE ONLY public.orders ADD CONSTRAINT f FOREIGN KEY (account) REFERENCES stripe.accounts(id);\nCOMMENT ON SCHEMA stripe IS 'x';";
    for target in [Target::Rds, Target::Aurora, Target::Dsql] {
        let options = Options { except: vec!["stripe".into()], ..Options::default() };
        let conversion = schema::convert_file("dump.sql", dump, target, &options).unwrap();
        let ids: Vec<&str> = conversion.statements.iter().map(|s| s.id.as_str()).collect();
        assert_eq!(ids, ["table:public.orders", "view:public.open"], "{target}");
        let id = format!("{}-EXCEPT", target.name().to_uppercase());
        let said: Vec<&str> = conversion.findings.iter().filter(|f| f.id == id).map(|f| f.what.as_str()).collect();
        assert_eq!(
            said,
            [
                "view public.paid is left out: it needs stripe.accounts",
                "foreign key public.orders.f is left out: it needs stripe.accounts",
                "schema stripe is left out, as asked: comment 1, schema 1, table 1",
            ],
            "{target}"
        );
    }
}
