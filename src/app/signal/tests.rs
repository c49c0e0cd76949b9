//! The signals that travel in the program, and what is said of a wrong file.

use super::*;

/// Section 6 of the reference, row by row (2026-11-20).
const CATALOGUE: &str = "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 \
    B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 \
    C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 \
    D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D12 D13 \
    E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 \
    F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19 F20";

#[test]
fn the_whole_catalogue_is_there() {
    let signals = builtin().unwrap();
    let missing: Vec<&str> = CATALOGUE.split_whitespace().filter(|id| signals.iter().all(|s| s.id != *id)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(builtin_ids().map(str::to_owned).collect()), sorted(signals.iter().map(|s| s.id.clone()).collect()));
    // what there is something to do about says how long that takes
    let silent: Vec<&str> = signals.iter().filter(|s| s.severity != Severity::Info && s.hours.is_none()).map(|s| s.id.as_str()).collect();
    assert_eq!(silent, Vec::<&str>::new());
}

#[test]
fn severities_are_those_of_the_catalogue() {
    // rows of the catalogue by severity; B5 blocks with B1, D11 until it is gated
    let of = |severity: Severity| {
        let ids = CATALOGUE.split_whitespace();
        let signals = builtin().unwrap();
        ids.filter(|id| signals.iter().any(|s| s.id == **id && s.severity == severity)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(Severity::Blocks), "A9 B1 B3 B4 B5 C1 C4 C6 C13 D1 D2 D6 D7 D8 D10 D11 F12");
    assert_eq!(of(Severity::Must), "A6 A11 B2 B6 B7 B8 B10 B11 C3 C5 C9 D3 D5 D9 D12 E1 E2 E4 E8 E10 E11 F2 F3 F5 F6 F7 F8 F10 F15 F18");
    assert_eq!(of(Severity::Should), "A4 A8 A12 B9 C7 C8 C11 C12 C16 D13 E3 E5 E6 E9 F1 F9 F11 F14 F17 F19 F20");
    assert_eq!(of(Severity::Info), "A1 A2 A3 A5 A7 A10 A13 B12 C2 C10 C14 C15 D4 E7 F4 F13 F16");
}

fn one(body: &str) -> Result<Vec<Signal>> {
    compile_all(&[Text { name: "x.toml".to_owned(), text: format!("as_of = \"2026-11-20\"\nsource = \"test\"\n{body}") }])
}

const GOOD: &str =
    "[[signal]]\nid = \"X1\"\ntitle = \"t\"\nseverity = \"M\"\nfiles = [\"**/*.ts\"]\npattern = 'a'\nmeans = \"m\"\nreplacement = \"r\"\n";

#[test]
fn a_wrong_file_is_named_with_its_line_and_key() {
    for (body, part) in [
        (GOOD.replace("'a'", "'('"), "x.toml:8: signal X1, key `pattern`"),
        (GOOD.replace("\"M\"", "\"Z\""), "x.toml:6: the file is not as it must be"),
        (GOOD.replace("pattern", "patern"), "x.toml:8: the file is not as it must be"),
        (GOOD.replace("**/*.ts", "@nothing"), "x.toml:7: signal X1, key `files` names the unknown list @nothing"),
        (GOOD.replace("[\"**/*.ts\"]", "[]"), "x.toml:7: signal X1, key `files` is empty"),
        (format!("{GOOD}{GOOD}"), "x.toml:4: id = \"X1\" is used twice"),
        (GOOD.replace("\"r\"", "\"\""), "x.toml:10: signal X1, key `replacement` is empty"),
        (format!("{GOOD}hours = [2, 1]\n"), "x.toml:11: signal X1, key `hours` is not a range"),
        (format!("{GOOD}syntax = [\"new A(\"]\n"), "x.toml:11: signal X1, key `syntax` is not TypeScript"),
        (format!("{GOOD}inside = [\"class_body\"]\n"), "x.toml:11: signal X1, key `inside` needs `syntax`"),
        (format!("{GOOD}settles = 'a'\n"), "x.toml:11: signal X1, key `settles` needs `settled_by`"),
        (format!("{GOOD}settled_by = 'b'\nsettled_in = [\"@nothing\"]\n"), "x.toml:12: signal X1, key `settled_in` names the unknown list"),
        (format!("{GOOD}syntax = [\"f()\"]\nnot_inside = [\"klass\"]\n"), "x.toml:12: signal X1, key `not_inside` names klass"),
    ] {
        let error = one(&body).unwrap_err().to_string();
        assert!(error.contains(part), "{part}\n{error}");
    }
    assert_eq!(one(GOOD).unwrap().len(), 1);
}
