//! A CDK app in TypeScript: each stack is the same template, its parameters typed by what the template declares.
//! Cross-stack values go by exports; conditions that ask for such a value are given their outcome, because AWS cannot evaluate them.

use std::collections::{BTreeMap, BTreeSet};

use super::value::{Piece, outside, pieces};
use super::{About, cloudformation, json, parameters, tags};
use crate::cloud::stacks::{Rendered, System, SystemStack, references, template_parameters};
use crate::error::Result;

const FIXED: [(&str, &str); 5] = [
    ("package.json", include_str!("../../../assets/exports/cdk/package.json")),
    ("package-lock.json", include_str!("../../../assets/exports/cdk/package-lock.json")),
    ("tsconfig.json", include_str!("../../../assets/exports/cdk/tsconfig.json")),
    ("cdk.json", include_str!("../../../assets/exports/cdk/cdk.json")),
    ("lib/layer.ts", include_str!("../../../assets/exports/cdk/layer.ts")),
];
const README: &str = include_str!("../../../assets/exports/cdk/README.md");
const LOOK_UP: &str = include_str!("../../../assets/exports/cdk/look-up.sh");

pub(super) fn files(system: &System, about: &About) -> Result<BTreeMap<String, String>> {
    let mut files: BTreeMap<String, String> = FIXED.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let (secrets, images) = outside(system);
    let config = serde_json::json!({
        "secrets": secrets.iter().map(|name| (*name, format!("arn:aws:secretsmanager:{}:000000000000:secret:{name}", about.region))).collect::<BTreeMap<_, _>>(),
        "images": images.keys().map(|image| (*image, format!("000000000000.dkr.ecr.{}.amazonaws.com/{image}", about.region))).collect::<BTreeMap<_, _>>(),
    });
    files.insert("config.json".to_owned(), format!("{config:#}\n"));
    files.insert("look-up.sh".to_owned(), LOOK_UP.replace("@REGION@", &about.region));
    files.insert("lib/layers.ts".to_owned(), layers(system, about)?);
    files.insert("bin/app.ts".to_owned(), app(system, about)?);
    let readme = README.replace("@APP@", &about.app).replace("@STACKS@", &cloudformation::order(system, about));
    files.insert("README.md".to_owned(), readme);
    Ok(files)
}

/// `data-rds` → `DataRds`.
fn class(layer: &str) -> String {
    layer.split('-').map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

/// `web-pipeline` → `webPipelineStack`.
fn variable(about: &About, stack: &str) -> String {
    let name = class(about.short(stack));
    format!("{}{}Stack", name[..1].to_ascii_lowercase(), &name[1..])
}

/// One interface and one class for each template.
fn layers(system: &System, about: &About) -> Result<String> {
    let mut out = String::from(
        "// What each template takes, as it declares it. Made from templates/*.yaml.\nimport type { Construct } from 'constructs';\nimport { Layer, type LayerProps } from './layer';\n",
    );
    let mut seen = BTreeSet::new();
    for stack in system.stacks.iter().filter(|stack| seen.insert(about.template(system, stack))) {
        let template = about.template(system, stack);
        let name = class(template);
        let declared = template_parameters(&stack.spec.template_body)?;
        out.push_str(&format!("\nexport interface {name}Parameters {{\n"));
        for (parameter, declared) in &declared {
            if let Some(words) = &declared.description {
                out.push_str(&format!("  /** {} */\n", words.trim().replace('\n', " ").replace("*/", "")));
            }
            let kind = match declared.allowed.as_slice() {
                [] => "string".to_owned(),
                values => values.iter().map(|value| json(value)).collect::<Vec<_>>().join(" | "),
            };
            let optional = if declared.default.is_some() { "?" } else { "" };
            out.push_str(&format!("  readonly {parameter}{optional}: {kind};\n"));
        }
        let lists: Vec<String> = declared.iter().filter(|(_, declared)| declared.is_list()).map(|(parameter, _)| json(parameter)).collect();
        out.push_str(&format!(
            "}}\n\nexport class {name} extends Layer<{name}Parameters> {{\n  constructor(scope: Construct, id: string, props: LayerProps<{name}Parameters>) {{\n    super(scope, id, {}, [{}], props);\n  }}\n}}\n",
            json(template),
            lists.join(", ")
        ));
    }
    Ok(out)
}

fn app(system: &System, about: &About) -> Result<String> {
    let classes: BTreeSet<String> = system.stacks.iter().map(|stack| class(about.template(system, stack))).collect();
    let mut body = String::new();
    for stack in &system.stacks {
        let id = variable(about, &stack.spec.name);
        let constant = if system.stacks.iter().any(|other| other.needs().contains(stack.spec.name.as_str())) || !stack.needs().is_empty() {
            format!("const {id} = ")
        } else {
            String::new()
        };
        body.push_str(&format!(
            "\n// {}\n{constant}new {}(app, {}, {{\n  env,\n",
            stack.title,
            class(&stack.layer),
            json(&stack.spec.name)
        ));
        body.push_str(&format!("  terminationProtection: {},\n  tags: {{ ", stack.spec.termination_protection));
        body.push_str(&tags(stack).iter().map(|(k, v)| format!("{}: {}", json(k), json(v))).collect::<Vec<_>>().join(", "));
        body.push_str(" },\n  parameters: {\n");
        let mut taken = Vec::new();
        for (name, value, declared) in parameters(stack)? {
            if !references(&value).is_empty() {
                taken.push(name.clone());
            }
            let exact = declared.allowed.is_empty() || references(&value).is_empty();
            let asserted = if exact { "" } else { " as never" };
            body.push_str(&format!("    {name}: {}{asserted},\n", written(&name, &value, about)));
        }
        body.push_str("  },\n");
        body.push_str(&outcomes(stack, &taken)?);
        body.push_str("});\n");
        for needed in stack.needs() {
            body.push_str(&format!("{id}.addStackDependency({});\n", variable(about, needed)));
        }
    }
    let (secrets, images) = outside(system);
    let mut head = String::from("// Every stack of the system, in order. Values that only the account knows are in config.json.\n");
    head.push_str(if body.contains("Aws.ACCOUNT_ID") {
        "import { App, Aws } from 'aws-cdk-lib';\n"
    } else {
        "import { App } from 'aws-cdk-lib';\n"
    });
    if !secrets.is_empty() || !images.is_empty() {
        head.push_str("import config from '../config.json';\n");
    }
    head.push_str(&format!(
        "import {{ {} }} from '../lib/layers';\n\nconst app = new App();\n",
        classes.into_iter().collect::<Vec<_>>().join(", ")
    ));
    head.push_str(&format!(
        "const account = process.env['CDK_DEFAULT_ACCOUNT'];\nconst env = {{ ...(account ? {{ account }} : {{}}), region: {} }};\n",
        json(&about.region)
    ));
    Ok(head + &body)
}

/// The outcome of each condition that asks for a parameter which another stack gives.
fn outcomes(stack: &SystemStack, taken: &[String]) -> Result<String> {
    let names: Vec<&str> = taken.iter().map(String::as_str).collect();
    let asked = Rendered::conditions_on(&stack.spec.template_body, &names)?;
    if asked.is_empty() {
        return Ok(String::new());
    }
    let rendered = Rendered::of(&stack.spec.template_body, &stack.spec.parameters)?;
    let all: Vec<String> =
        asked.iter().map(|name| format!("{name}: {}", rendered.conditions.get(name).is_some_and(|holds| *holds))).collect();
    Ok(format!("  outcomes: {{ {} }},\n", all.join(", ")))
}

/// A value as an expression of TypeScript.
fn written(name: &str, value: &str, about: &About) -> String {
    let parts = pieces(name, value);
    if let [Piece::Text(literal)] = parts.as_slice() {
        return json(literal);
    }
    let one = |piece: &Piece<'_>| match piece {
        Piece::Text(literal) => json(literal),
        Piece::Output { stack, output } => format!("{}.output({})", variable(about, stack), json(output)),
        Piece::Account => "Aws.ACCOUNT_ID".to_owned(),
        Piece::Secret(secret) => format!("config.secrets[{}]", json(secret)),
        Piece::Image(repository) => format!("config.images[{}]", json(repository)),
    };
    match parts.as_slice() {
        [only] => one(only),
        several => format!("[{}].join('')", several.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_typescripts() {
        let about = About { app: "shop".into(), environment: "staging".into(), region: "eu-west-1".into() };
        assert_eq!(class("data-rds"), "DataRds");
        assert_eq!(variable(&about, "shop-staging-web-pipeline"), "webPipelineStack");
        assert_eq!(written("A", "x,<shop-staging-net.Id>", &about), "[\"x,\", netStack.output(\"Id\")].join('')");
    }
}
