//! Terraform: one `aws_cloudformation_stack` for each stack, variables for what was decided, data sources for what the account knows.
//! Holds no secret; what exists already is adopted by import blocks, not made again.

use std::collections::BTreeMap;

use super::value::{Piece, identifier, outside, pieces};
use super::{About, cloudformation, parameters, tags};
use crate::cloud::stacks::{System, SystemStack, TemplateParameter, template_outputs};
use crate::error::Result;

const VERSIONS: &str = include_str!("../../../assets/exports/terraform/versions.tf");
const README: &str = include_str!("../../../assets/exports/terraform/README.md");

pub(super) fn files(system: &System, about: &About) -> Result<BTreeMap<String, String>> {
    let (secrets, images) = outside(system);
    let mut variables = head(about);
    for (repository, variable) in &images {
        let words = format!(
            "Image of {repository}, by digest: aws ecr describe-images --repository-name {repository}. Null: the bare address, for a service without tasks."
        );
        variables.push_str(&format!(
            "\nvariable \"{variable}\" {{\n  description = {}\n  type        = string\n  default     = null\n}}\n",
            text(&words)
        ));
    }
    let mut main = String::from("data \"aws_caller_identity\" \"current\" {}\n");
    for secret in &secrets {
        main.push_str(&format!("\ndata \"aws_secretsmanager_secret\" \"{}\" {{\n  name = {}\n}}\n", identifier(secret), text(secret)));
    }
    let (mut outputs, mut imports) = (String::new(), String::new());
    for stack in &system.stacks {
        let id = resource(about, &stack.spec.name);
        main.push_str(&format!("\n# {}\nresource \"aws_cloudformation_stack\" \"{id}\" {{\n", stack.title));
        main.push_str(&format!("  name          = {}\n", text(&stack.spec.name)));
        main.push_str(&format!("  template_body = file(\"${{path.module}}/templates/{}.yaml\")\n", about.template(system, stack)));
        main.push_str("  capabilities  = [\"CAPABILITY_NAMED_IAM\"]\n\n  parameters = {\n");
        for (name, value, declared) in parameters(stack)? {
            let parts = pieces(&name, &value);
            let written = match (shared(&name), parts.as_slice()) {
                (Some(variable), _) => format!("var.{variable}"),
                (None, [Piece::Text(literal)]) => {
                    let variable = format!("{id}_{}", snake(&name));
                    variables.push_str(&declare(&variable, literal, &declared));
                    format!("var.{variable}")
                }
                (None, parts) => format!("\"{}\"", parts.iter().map(|piece| hole(piece, about, &images)).collect::<String>()),
            };
            main.push_str(&format!("    {name} = {written}\n"));
        }
        main.push_str("  }\n\n  tags = {\n");
        for (key, value) in tags(stack) {
            main.push_str(&format!("    {} = {}\n", text(&key), text(&value)));
        }
        main.push_str("  }\n");
        if stack.spec.termination_protection {
            main.push_str("\n  # It holds data.\n  lifecycle {\n    prevent_destroy = true\n  }\n");
        }
        main.push_str("}\n");
        outputs.push_str(&output(&id, stack)?);
        imports.push_str(&format!(
            "\nimport {{\n  for_each = var.adopt ? toset([{0}]) : toset([])\n  to       = aws_cloudformation_stack.{id}\n  id       = each.value\n}}\n",
            text(&stack.spec.name)
        ));
    }
    let readme = README.replace("@APP@", &about.app).replace("@STACKS@", &cloudformation::order(system, about));
    Ok(BTreeMap::from([
        ("versions.tf".to_owned(), VERSIONS.to_owned()),
        ("variables.tf".to_owned(), variables),
        ("main.tf".to_owned(), main),
        ("outputs.tf".to_owned(), outputs.trim_start().to_owned()),
        ("imports.tf".to_owned(), imports.trim_start().to_owned()),
        ("README.md".to_owned(), readme),
    ]))
}

fn head(about: &About) -> String {
    let variable = |name: &str, words: &str, default: &str| {
        format!(
            "variable \"{name}\" {{\n  description = {}\n  type        = string\n  default     = {}\n}}\n\n",
            text(words),
            text(default)
        )
    };
    let adopt = "variable \"adopt\" {\n  description = \"Whether the stacks are there already, made by migrate-wizard or deploy.sh: they are imported then.\"\n  type        = bool\n  default     = false\n}\n";
    [
        variable("app_name", "Short name of the application.", &about.app),
        variable("environment", "Environment name, such as staging or production.", &about.environment),
        variable("region", "AWS region.", &about.region),
        adopt.to_owned(),
    ]
    .concat()
}

/// A parameter that all stacks share.
fn shared(name: &str) -> Option<&'static str> {
    match name {
        "AppName" => Some("app_name"),
        "Environment" => Some("environment"),
        _ => None,
    }
}

fn resource(about: &About, stack: &str) -> String {
    identifier(about.short(stack))
}

/// `NatGateways` → `nat_gateways`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before = 'A';
    for c in name.chars() {
        if c.is_ascii_uppercase() && !before.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        before = c;
    }
    out
}

/// A piece inside a quoted text of Terraform.
fn hole(piece: &Piece<'_>, about: &About, images: &BTreeMap<&str, String>) -> String {
    match piece {
        Piece::Text(literal) => inside(literal),
        Piece::Output { stack, output } => format!("${{aws_cloudformation_stack.{}.outputs[\"{output}\"]}}", resource(about, stack)),
        Piece::Account => "${data.aws_caller_identity.current.account_id}".to_owned(),
        Piece::Secret(secret) => format!("${{data.aws_secretsmanager_secret.{}.arn}}", identifier(secret)),
        Piece::Image(repository) => {
            let variable = images.get(repository).map(String::as_str).unwrap_or_default();
            let bare = format!("${{data.aws_caller_identity.current.account_id}}.dkr.ecr.${{var.region}}.amazonaws.com/{repository}");
            format!("${{coalesce(var.{variable}, \"{bare}\")}}")
        }
    }
}

fn declare(variable: &str, default: &str, declared: &TemplateParameter) -> String {
    let words = declared.description.clone().unwrap_or_default();
    let mut out = format!(
        "\nvariable \"{variable}\" {{\n  description = {}\n  type        = string\n  default     = {}\n",
        text(words.trim()),
        text(default)
    );
    let check = if !declared.allowed.is_empty() {
        let allowed: Vec<String> = declared.allowed.iter().map(|value| text(value)).collect();
        let words = format!("One of: {}.", declared.allowed.join(", "));
        Some((format!("contains([{}], var.{variable})", allowed.join(", ")), words))
    } else {
        declared.pattern.as_ref().map(|pattern| {
            let whole = format!("^(?:{pattern})$");
            (format!("can(regex({}, var.{variable}))", text(&whole)), format!("It must match {pattern} (see the template)."))
        })
    };
    if let Some((condition, message)) = check {
        out.push_str(&format!("\n  validation {{\n    condition     = {condition}\n    error_message = {}\n  }}\n", text(&message)));
    }
    out.push_str("}\n");
    out
}

fn output(id: &str, stack: &SystemStack) -> Result<String> {
    let any = !template_outputs(&stack.spec.template_body)?.is_empty();
    Ok(if any { format!("\noutput \"{id}\" {{\n  value = aws_cloudformation_stack.{id}.outputs\n}}\n") } else { String::new() })
}

/// A quoted text of Terraform.
fn text(text: &str) -> String {
    format!("\"{}\"", inside(text))
}

fn inside(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ").replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_terraforms() {
        assert_eq!(snake("NatGateways"), "nat_gateways");
        assert_eq!(snake("BedrockModelArns"), "bedrock_model_arns");
        assert_eq!(text("a \"b\" ${c} \\d"), "\"a \\\"b\\\" $${c} \\\\d\"");
    }
}
