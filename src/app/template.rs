//! Filling a template: `{{name}}` becomes a value. `${{ … }}` with spaces belongs to GitHub and stays.
//! Never a language: no conditions, no loops.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::{Error, Result};

static HOLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\{\{([a-z][a-z0-9_]*)\}\}").ok());

/// The template with its holes filled. A line that held nothing but holes and is empty afterwards disappears.
///
/// # Errors
/// `Bug` if the template names something that is not in `values`.
pub fn fill(file: &str, template: &str, values: &BTreeMap<&str, String>) -> Result<String> {
    let Some(hole) = HOLE.as_ref() else { return Err(Error::bug("the pattern for template holes does not compile")) };
    let mut out = String::with_capacity(template.len() * 2);
    for line in template.split_inclusive('\n') {
        let mut filled = String::new();
        let mut from = 0;
        for captures in hole.captures_iter(line) {
            let (Some(whole), Some(name)) = (captures.get(0), captures.get(1)) else { continue };
            let value = values
                .get(name.as_str())
                .ok_or_else(|| Error::bug(format!("the template {file} names the unknown value {}", name.as_str())))?;
            filled.push_str(line.get(from..whole.start()).unwrap_or(""));
            filled.push_str(value);
            from = whole.end();
        }
        filled.push_str(line.get(from..).unwrap_or(""));
        if from == 0 || !filled.trim().is_empty() {
            out.push_str(&filled);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_unknown_ones_are_errors() {
        let values = BTreeMap::from([("a", "1".to_owned()), ("none", String::new())]);
        assert_eq!(fill("t", "x {{a}} ${{ github.sha }}\n{{none}}\nend\n", &values).unwrap(), "x 1 ${{ github.sha }}\nend\n");
        assert!(fill("t", "{{b}}", &values).unwrap_err().what.contains("unknown value b"));
    }
}
