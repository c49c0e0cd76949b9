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
/// The end of each line that was put there.
const PUT: &str = " # of this service";

/// The longest list of ARNs that one parameter takes (CloudFormation quotas, 2026-11).
pub const LONGEST_PARAMETER: usize = 4096;

/// Of the 200 parameters that a template takes, those that variables and secrets may use.
const MOST: usize = 120;

static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[A-Za-z_][A-Za-z0-9_]*$").ok());
static ARN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // or the output of another stack, before that stack is there
    Regex::new(
        r"^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+|<[a-z0-9-]+\.[A-Za-z0-9]+>)(:[A-Za-z0-9/_+=.@-]*:[A-Z]*:)?$",
    )
    .ok()
});
static OWN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\{ Name: ([A-Z_][A-Z0-9_]*), Value").ok());

/// A template with places for the variables and secrets of one service, and what goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    pub body: String,
    /// Values of the parameters that were added, by parameter.
    pub parameters: BTreeMap<String, String>,
}

/// The template with a parameter for each of these variables and secrets (name → ARN), used at its marks.
/// So the template holds names only and is the same in every account. Without any it stays as it is.
///
/// # Errors
/// `Input` if the template marks no place, a name or an ARN is none, a value cannot stand there, or there are too many.
pub fn with_environment(body: &str, variables: &BTreeMap<String, String>, secrets: &BTreeMap<String, String>) -> Result<Filled> {
    if variables.is_empty() && secrets.is_empty() {
        return Ok(Filled { body: body.to_owned(), parameters: BTreeMap::new() });
    }
    check(variables, secrets)?;
    let mut names = Names(body.lines().filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name.to_owned()).collect());
    let of_variables: Vec<_> = variables.iter().map(|(name, value)| (name, value, names.fresh("Variable", name))).collect();
    let of_secrets: Vec<_> = secrets.iter().map(|(name, from)| (name, split(from), names.fresh("Secret", name))).collect();
    let script = body.lines().any(|line| line.trim() == BOTH);
    let mut out = String::with_capacity(body.len() + 200 * (variables.len() + secrets.len()));
    let (mut has_variables, mut has_secrets, mut declared, mut inside) = (false, false, false, false);
    for line in body.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if inside && !declared && !line.starts_with([' ', '#']) && !line.is_empty() {
            declared = true;
            for (name, _, parameter) in &of_variables {
                let word = if script { ", as one word of a shell script" } else { "" };
                out.push_str(&format!("  {parameter}: {{ Type: String, Description: \"Value of the variable {name}{word}.\" }}{PUT}\n"));
            }
            for (name, _, parameter) in &of_secrets {
                let pattern = "^arn:aws[a-z-]*:secretsmanager:.+$";
                out.push_str(&format!(
                    "  {parameter}: {{ Type: String, Description: \"ARN of the secret that {name} is read from.\", AllowedPattern: \"{pattern}\" }}{PUT}\n"
                ));
            }
        }
        inside |= line == "Parameters:";
        let mut put = |text: String| {
            out.push_str(&format!("{indent}{text}{PUT}\n"));
        };
        match line.trim() {
            VARIABLES => {
                has_variables = true;
                for (name, _, parameter) in &of_variables {
                    put(format!("- {{ Name: {name}, Value: !Ref {parameter} }}"));
                }
            }
            SECRETS => {
                has_secrets = true;
                if !secrets.is_empty() {
                    put("Secrets:".to_owned());
                }
                for (name, (_, key), parameter) in &of_secrets {
                    let from = if key.is_empty() { format!("!Ref {parameter}") } else { format!("!Sub \"${{{parameter}}}:{key}::\"") };
                    put(format!("  - {{ Name: {name}, ValueFrom: {from} }}"));
                }
            }
            BOTH => {
                (has_variables, has_secrets) = (true, true);
                for (name, _, parameter) in &of_variables {
                    put(format!("export {name}=${{{parameter}}}"));
                }
                for (name, (_, key), parameter) in &of_secrets {
                    put(format!("{name}=$(secret '${{{parameter}}}' '{key}')"));
                    put(format!("export {name}"));
                }
            }
            _ => {}
        }
        out.push_str(line);
        out.push('\n');
    }
    if !(declared && (has_variables || variables.is_empty()) && (has_secrets || secrets.is_empty())) {
        return Err(Error::new(Kind::Input, "this template has no place for variables and secrets of a service")
            .hint("give them to the stack of a service, a worker or a machine"));
    }
    let of_variables = of_variables.into_iter().map(|(_, value, parameter)| (parameter, if script { word(value) } else { value.clone() }));
    let of_secrets = of_secrets.into_iter().map(|(_, (arn, _), parameter)| (parameter, arn.to_owned()));
    Ok(Filled { body: out, parameters: of_variables.chain(of_secrets).collect() })
}

/// The template without what [`with_environment`] put there.
pub fn without_environment(body: &str) -> String {
    body.lines().filter(|line| !line.ends_with(PUT)).flat_map(|line| [line, "\n"]).collect()
}

/// Names of the parameters that [`with_environment`] put there.
pub fn environment_parameters(body: &str) -> BTreeSet<&str> {
    let put = body.lines().filter(|line| line.starts_with("  ") && line.ends_with(PUT) && line.contains("{ Type: String"));
    put.filter_map(|line| line.trim().split_once(':')).map(|(name, _)| name).collect()
}

/// Names that a template uses already.
struct Names(BTreeSet<String>);

impl Names {
    /// `STRIPE_SECRET_KEY` → `SecretStripeSecretKey`; with a number where that is taken.
    fn fresh(&mut self, what: &str, name: &str) -> String {
        let words = name.split('_').filter(|word| !word.is_empty());
        let camel: String = words.map(|word| word[..1].to_ascii_uppercase() + &word[1..].to_ascii_lowercase()).collect();
        let plain = format!("{what}{camel}");
        let mut found = plain.clone();
        for n in 2.. {
            if self.0.insert(found.clone()) {
                break;
            }
            found = format!("{plain}{n}");
        }
        found
    }
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
    if variables.len() + secrets.len() > MOST {
        return Err(Error::new(
            Kind::Input,
            format!("{} variables and secrets are too many for one service", variables.len() + secrets.len()),
        )
        .hint(format!(
            "a template takes 200 parameters, and {MOST} of them are for these: keep some as keys of a file or a parameter store"
        )));
    }
    if let Some((name, _)) = secrets.iter().find(|(_, arn)| !is(&ARN, arn)) {
        return Err(Error::new(Kind::Input, format!("what {name} comes from is no ARN of a secret"))
            .hint("arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, with :key:: for one key"));
    }
    let odd = |value: &str| value.contains("{{resolve:") || value.chars().any(char::is_control) || value.len() > LONGEST_PARAMETER;
    if let Some((name, _)) = variables.iter().find(|(_, value)| odd(value)) {
        return Err(Error::new(Kind::Input, format!("the value of {name} cannot be a parameter of a template"))
            .hint(format!("a value with line breaks, {{{{resolve: or more than {LONGEST_PARAMETER} characters belongs in a secret")));
    }
    Ok(())
}

/// A text as one word of a shell script.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-staging/stripe-AbCdEf";

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    const CONTAINER: &str = "Parameters:
  Port: {Type: Number}

Resources:
          Environment:
            - { Name: PORT, Value: !Ref Port }
            # migrate-wizard: variables of this service
          # migrate-wizard: secrets of this service
";

    #[test]
    fn a_container_names_each_on_a_line() {
        let secrets = map(&[("STRIPE_SECRET_KEY", &format!("{ARN}:secret::")), ("TOKEN", ARN)]);
        let made = with_environment(CONTAINER, &map(&[("API_URL", "http://x?a=b,c \"d\""), ("API__URL", "2")]), &secrets).unwrap();
        let of_a_stack = with_environment(CONTAINER, &map(&[]), &map(&[("REDIS_URL", "<shop-cache.UrlSecretArn>")])).unwrap();
        assert_eq!(of_a_stack.parameters["SecretRedisUrl"], "<shop-cache.UrlSecretArn>");
        let lines = [
            "- { Name: API_URL, Value: !Ref VariableApiUrl }",
            "- { Name: API__URL, Value: !Ref VariableApiUrl2 }",
            "Secrets:",
            "- { Name: STRIPE_SECRET_KEY, ValueFrom: !Sub \"${SecretStripeSecretKey}:secret::\" }",
            "- { Name: TOKEN, ValueFrom: !Ref SecretToken }",
        ];
        let body: Vec<&str> = made.body.lines().filter_map(|line| line.strip_suffix(PUT)).map(str::trim).collect();
        assert!(body.windows(lines.len()).any(|window| window == lines), "{}", made.body);
        assert!(!made.body.contains("secretsmanager:us-east-1"), "{}", made.body);
        let declared = super::super::template_parameters(&made.body).unwrap();
        assert_eq!(declared.keys().filter(|name| !made.parameters.contains_key(*name)).collect::<Vec<_>>(), ["Port"]);
        assert_eq!(declared.len(), 5);
        assert_eq!(made.parameters["VariableApiUrl"], "http://x?a=b,c \"d\"");
        assert_eq!(made.parameters["SecretStripeSecretKey"], ARN);
        let none = with_environment(CONTAINER, &map(&[]), &map(&[])).unwrap();
        assert_eq!((none.body.as_str(), none.parameters.len()), (CONTAINER, 0));
        assert_eq!(own_variables(CONTAINER), BTreeSet::from(["PORT".to_owned()]));
    }

    #[test]
    fn a_script_exports_them() {
        let body = "Parameters:\n  A: {Type: String}\nResources:\n  # migrate-wizard: variables and secrets of this service\n";
        let made = with_environment(body, &map(&[("A", "it's ${HOME}")]), &map(&[("K", &format!("{ARN}:secret::"))])).unwrap();
        let lines: Vec<&str> = made.body.lines().filter_map(|line| line.strip_suffix(PUT)).map(str::trim).collect();
        assert_eq!(lines[2..], ["export A=${VariableA}", "K=$(secret '${SecretK}' 'secret')", "export K"], "{}", made.body);
        assert_eq!(without_environment(&made.body), body);
        assert_eq!(environment_parameters(&made.body), ["SecretK", "VariableA"].into());
        assert_eq!(made.parameters["VariableA"], r"'it'\''s ${HOME}'");
    }

    #[test]
    fn what_cannot_stand_there_is_refused_without_its_value() {
        for (variables, secrets) in [
            (map(&[("A B", "x")]), map(&[])),
            (map(&[("A", "{{resolve:hunter2}}")]), map(&[])),
            (map(&[("A", "hunter2\nx")]), map(&[])),
            (map(&[]), map(&[("A", "hunter2")])),
            (map(&[("A", "hunter2")]), map(&[("A", ARN)])),
        ] {
            let error = with_environment(CONTAINER, &variables, &secrets).unwrap_err();
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
