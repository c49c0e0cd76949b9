//! The variables and secrets of one service, written into its template at the places that the template marks: CloudFormation has no
//! loops, and an engineer who reads the result finds each name on a line of its own.
//! Never takes a secret's value: a secret is named by its ARN, with `:key::` for one key of a JSON secret.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use crate::error::{Error, Kind, Result};

/// The end of a container's `Environment` list.
const VARIABLES: &str = "# migrate-wizard: variables of this service";
/// Where a container's `Secrets` list stands.
const SECRETS: &str = "# migrate-wizard: secrets of this service";
/// In a script that starts the app on a machine.
const BOTH: &str = "# migrate-wizard: variables and secrets of this service";

/// The longest list of ARNs that one parameter takes (CloudFormation quotas, 2026-11).
pub const LONGEST_PARAMETER: usize = 4096;

static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[A-Za-z_][A-Za-z0-9_]*$").ok());
static ARN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+(:[A-Za-z0-9/_+=.@-]*:[A-Z]*:)?$").ok()
});
static OWN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\{ Name: ([A-Z_][A-Z0-9_]*), Value").ok());

/// The template with these variables and secrets (name → ARN) at its marks. Without any it stays as it is.
///
/// # Errors
/// `Input` if the template marks no place, a name or an ARN is none, or a variable's value cannot stand in a template.
pub fn with_environment(body: &str, variables: &BTreeMap<String, String>, secrets: &BTreeMap<String, String>) -> Result<String> {
    if variables.is_empty() && secrets.is_empty() {
        return Ok(body.to_owned());
    }
    check(variables, secrets)?;
    let mut out = String::with_capacity(body.len() + 100 * (variables.len() + secrets.len()));
    let (mut has_variables, mut has_secrets) = (false, false);
    for line in body.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let mut put = |text: String| {
            out.push_str(indent);
            out.push_str(&text);
            out.push('\n');
        };
        match line.trim() {
            VARIABLES => {
                has_variables = true;
                for (name, value) in variables {
                    put(format!("- {{ Name: {name}, Value: {} }}", quoted(value)));
                }
            }
            SECRETS => {
                has_secrets = true;
                if !secrets.is_empty() {
                    put("Secrets:".to_owned());
                }
                for (name, arn) in secrets {
                    put(format!("  - {{ Name: {name}, ValueFrom: {} }}", quoted(arn)));
                }
            }
            BOTH => {
                (has_variables, has_secrets) = (true, true);
                for (name, value) in variables {
                    put(format!("export {name}={}", in_script(value)));
                }
                for (name, from) in secrets {
                    let (arn, key) = split(from);
                    put(format!("{name}=$(secret {} {})", in_script(arn), in_script(key)));
                    put(format!("export {name}"));
                }
            }
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    if (has_variables || variables.is_empty()) && (has_secrets || secrets.is_empty()) {
        return Ok(out);
    }
    Err(Error::new(Kind::Input, "this template has no place for variables and secrets of a service")
        .hint("give them to the stack of a service, a worker or a machine"))
}

/// The variables that a template sets by itself, from its parameters.
pub fn own_variables(body: &str) -> BTreeSet<String> {
    let found = |own: &Regex| own.captures_iter(body).filter_map(|c| c.get(1)).map(|name| name.as_str().to_owned()).collect();
    OWN.as_ref().map(found).unwrap_or_default()
}

/// A secret's ARN and the key, which may be empty, of `arn:key::`.
pub fn split(from: &str) -> (&str, &str) {
    match from.strip_suffix("::").and_then(|rest| rest.rsplit_once(':')) {
        Some((arn, key)) => (arn, key),
        None => (from, ""),
    }
}

fn check(variables: &BTreeMap<String, String>, secrets: &BTreeMap<String, String>) -> Result<()> {
    let is = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_some_and(|p| p.is_match(text));
    if let Some(name) = variables.keys().chain(secrets.keys()).find(|name| !is(&NAME, name)) {
        return Err(Error::new(Kind::Input, format!("`{name}` is no name of an environment variable")).hint("letters, digits and _ only"));
    }
    if let Some(name) = variables.keys().find(|name| secrets.contains_key(*name)) {
        return Err(
            Error::new(Kind::Input, format!("{name} is both a plain variable and a secret")).hint("ECS takes a name once: drop one")
        );
    }
    if let Some((name, _)) = secrets.iter().find(|(_, arn)| !is(&ARN, arn)) {
        return Err(Error::new(Kind::Input, format!("what {name} comes from is no ARN of a secret"))
            .hint("arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, with :key:: for one key"));
    }
    if let Some((name, _)) = variables.iter().find(|(_, value)| value.contains("{{resolve:") || value.chars().any(char::is_control)) {
        return Err(Error::new(Kind::Input, format!("the value of {name} cannot stand in a template"))
            .hint("a value with line breaks or {{resolve: belongs in a secret"));
    }
    Ok(())
}

/// A text in double quotes, as YAML and JSON read it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A word of a shell script that stands in `Fn::Sub`: single quotes, and no `${` that CloudFormation would fill.
fn in_script(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''")).replace("${", "${!")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-staging/stripe-AbCdEf";

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_container_names_each_on_a_line() {
        let body = "          Environment:\n            - { Name: PORT, Value: !Ref Port }\n            # migrate-wizard: variables of this service\n          # migrate-wizard: secrets of this service\n";
        let secrets = map(&[("STRIPE_SECRET_KEY", &format!("{ARN}:secret::")), ("TOKEN", ARN)]);
        let made = with_environment(body, &map(&[("API_URL", "http://x?a=b,c \"d\"")]), &secrets).unwrap();
        assert_eq!(
            made,
            format!(
                "          Environment:\n            - {{ Name: PORT, Value: !Ref Port }}\n            - {{ Name: API_URL, Value: \"http://x?a=b,c \\\"d\\\"\" }}\n          Secrets:\n            - {{ Name: STRIPE_SECRET_KEY, ValueFrom: \"{ARN}:secret::\" }}\n            - {{ Name: TOKEN, ValueFrom: \"{ARN}\" }}\n"
            )
        );
        assert_eq!(with_environment(body, &map(&[]), &map(&[])).unwrap(), body);
        assert_eq!(own_variables(body), BTreeSet::from(["PORT".to_owned()]));
    }

    #[test]
    fn a_script_exports_them() {
        let body = "  # migrate-wizard: variables and secrets of this service\n";
        let made = with_environment(body, &map(&[("A", "it's ${HOME}")]), &map(&[("K", &format!("{ARN}:secret::"))])).unwrap();
        assert_eq!(made, format!("  export A='it'\\''s ${{!HOME}}'\n  K=$(secret '{ARN}' 'secret')\n  export K\n"));
    }

    #[test]
    fn what_cannot_stand_there_is_refused_without_its_value() {
        let body = "# migrate-wizard: variables of this service\n# migrate-wizard: secrets of this service\n";
        for (variables, secrets) in [
            (map(&[("A B", "x")]), map(&[])),
            (map(&[("A", "{{resolve:hunter2}}")]), map(&[])),
            (map(&[("A", "hunter2\nx")]), map(&[])),
            (map(&[]), map(&[("A", "hunter2")])),
            (map(&[("A", "hunter2")]), map(&[("A", ARN)])),
        ] {
            let error = with_environment(body, &variables, &secrets).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(with_environment("Resources: {}\n", &map(&[("A", "x")]), &map(&[])).is_err());
    }

    #[test]
    fn an_arn_is_told_from_its_key() {
        assert_eq!(split(ARN), (ARN, ""));
        assert_eq!(split(&format!("{ARN}:secret::")), (ARN, "secret"));
    }
}
