//! What a playbook may say, and how it is told what is wrong with it.
//! Reads no file.

use super::*;
use crate::wizard::template::Facts;

const HEAD: &str = "phase = \"p\"\ntitle = \"P\"\nwhy = \"w\"\n";

const ASKED: &str =
    "[[step]]\nid='q'\ntitle='t'\nwhy='w'\n[step.ask]\nkind='choice'\n[[step.ask.option]]\nid='a'\nlabel='A'\nconsequence='c'\n";

const ASKED_AFTER: &str =
    "[[step]]\nid = \"r\"\ntitle='t'\nwhy='w'\n[step.ask]\nkind='choice'\n[[step.ask.option]]\nid='b'\nlabel='B'\nconsequence='c'\n";

fn error(body: &str) -> String {
    let text = format!("{HEAD}{body}");
    let parsed = parse("p.toml", &text).and_then(|b| {
        let texts = BTreeMap::from([("p.toml".to_owned(), text.clone())]);
        check(&[b], &texts, &Facts::new(), &|kind, _| {
            if kind == "simulate" {
                Ok(Facts::from([("out".into(), Value::from("x"))]))
            } else {
                Err(Error::new(Kind::Input, format!("no effect is called `{kind}`")).hint("one of: simulate"))
            }
        })
    });
    parsed.err().map_or_else(|| "no error".into(), |e| e.to_string())
}

#[test]
fn a_good_playbook_passes() {
    let body = "[[step]]\nid='q'\ntitle='t'\nwhy='w'\n[step.ask]\nkind='choice'\n[[step.ask.option]]\nid='a'\nlabel='A'\nconsequence='c'\n\
                [[step]]\nid='e'\ntitle='t'\nwhy='w'\nwhen={q='a'}\n[step.effect]\nkind='simulate'\ntext='${q} ${e.none|x}'\n";
    assert_eq!(error(body), "no error");
}

#[test]
fn each_mistake_shows_its_line_and_what_was_expected() {
    let step = "[[step]]\nid = \"s\"\ntitle='t'\nwhy='w'\n";
    for (body, at, what, expected) in [
        (format!("{step}colour='red'\n[step.manual]\nitems=[]\n"), "p.toml:8:1", "unknown field `colour`", "CONTRIBUTING.md"),
        (step.to_owned(), "p.toml:5:6", "no action", "exactly one of"),
        (
            format!("{step}[step.manual]\nitems=[]\n[step.effect]\nkind='simulate'\n"),
            "p.toml:5:6",
            "more than one action",
            "exactly one of",
        ),
        (format!("{step}[step.effect]\nkind='fly'\n"), "p.toml:9:7", "no effect is called `fly`", "simulate"),
        (
            format!("{step}[step.effect]\nkind='simulate'\ntext='${{nobody.knows}}'\n"),
            "p.toml:10:7",
            "nothing is known as `nobody.knows`",
            "fallback",
        ),
        (format!("{step}when={{x='y'}}\n[step.effect]\nkind='simulate'\n"), "p.toml:8:7", "no earlier step gives", "earlier question"),
        (
            format!("{step}rollback-when={{x=['y']}}\n[step.effect]\nkind='simulate'\n"),
            "p.toml:8:16",
            "`rollback-when` asks for `x`, which no earlier step gives",
            "earlier question",
        ),
        (
            format!("{step}rollback-when={{x=['y']}}\n[step.manual]\nitems=[]\n"),
            "p.toml:5:6",
            "`rollback-when` is for an effect",
            "leave them out",
        ),
        (
            format!("{ASKED}{step}rollback-when={{q=['zz']}}\n[step.effect]\nkind='simulate'\n"),
            "p.toml:18:20",
            "`zz` is not an option of `q`",
            "one of: a",
        ),
        (
            format!("{ASKED}{step}rollback-when={{q=['a']}}\nrollback-to=['later']\n[step.effect]\nkind='simulate'\n"),
            "p.toml:19:15",
            "`rollback-to` names no earlier step: `later`",
            "a step before this one",
        ),
        (
            format!("{ASKED_AFTER}[[step.ask.recommended-when]]\nwhen={{x=['y']}}\nanswer='b'\nbecause='c'\n"),
            "p.toml:15:7",
            "`recommended-when` asks for `x`, which no earlier step gives",
            "earlier question",
        ),
        (
            format!("{ASKED}{ASKED_AFTER}[[step.ask.recommended-when]]\nwhen={{q=['zz']}}\nanswer='b'\nbecause='c'\n"),
            "p.toml:25:11",
            "`zz` is not an option of `q`",
            "one of: a",
        ),
        (
            format!("{ASKED}{ASKED_AFTER}[[step.ask.recommended-when]]\nwhen={{q=['*']}}\nanswer='c'\nbecause='c'\n"),
            "p.toml:26:8",
            "`recommended-when` answers what `r` does not take",
            "`c` is not one of: b",
        ),
        (
            format!("{ASKED}{ASKED_AFTER}[[step.ask.recommended-when]]\nwhen={{q=1}}\nanswer='b'\nbecause='c'\n"),
            "p.toml:25:",
            "`when` maps a name to a text or a list of texts",
            "CONTRIBUTING.md",
        ),
        (format!("{step}at='T minus 2h'\n[step.effect]\nkind='simulate'\n"), "p.toml:8:4", "not a time of a runbook", "T-2h or T+10m"),
        (format!("{step}timeout='soon'\n[step.effect]\nkind='simulate'\n"), "p.toml:8:9", "not a duration", "2m10s"),
        (format!("{step}[step.effect]\nkind='simulate'\n{step}[step.effect]\nkind='simulate'\n"), "p.toml:11:6", "used twice", "unique"),
    ] {
        let message = error(&body);
        for part in [at, what, expected, "^"] {
            assert!(message.contains(part), "expected {part:?} in:\n{message}");
        }
    }
}
