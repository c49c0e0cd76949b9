//! How a command outside the wizard tells how far it is and, for machines, what came of it.
//! No words of its own: the faces have them.

use serde::Serialize;
use serde_json::{Value, json};

use super::out;
use crate::cli::RunArgs;
use crate::error::{Error, Result};
use crate::faces;
use crate::progress::Reporter;

/// `--json`: events on standard output; else bars on standard error, or a line now and then where that is no terminal.
/// Drop it (and its clones) before the result is printed: only then are the bars gone and the last event written.
pub fn reporter(args: &RunArgs) -> Reporter {
    if args.json { faces::json::reporter() } else { faces::line::reporter() }
}

/// Prints a result as the last event: `{"event":"report", …}` with the keys of `value`, or with it as `value` when it has none.
///
/// # Errors
/// `Bug` when the value cannot be written as JSON.
pub fn out_event(name: &str, value: &impl Serialize) -> Result<()> {
    out(event(name, value)?.to_string());
    Ok(())
}

fn event(name: &str, value: &impl Serialize) -> Result<Value> {
    let value = serde_json::to_value(value).map_err(|e| Error::bug(format!("a result cannot be written as JSON: {e}")))?;
    Ok(match value {
        Value::Object(fields) => std::iter::once(("event".to_owned(), Value::from(name))).chain(fields).collect(),
        value => json!({ "event": name, "value": value }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_one_line_that_begins_with_its_name() {
        let copied = event("report", &json!({ "rows": 3, "tables": [] })).unwrap();
        assert_eq!(copied.to_string(), r#"{"event":"report","rows":3,"tables":[]}"#);
        assert_eq!(event("report", &[1, 2]).unwrap().to_string(), r#"{"event":"report","value":[1,2]}"#);
    }
}
