//! What Nuxt reads by itself: each value of `runtimeConfig` may be set by a name of its own when the server starts.
//! A value that the config takes from another variable is the one of the build, so it is no default on AWS.

use super::super::orm::script::{Part, Script, items, key_of, text_of, value_of};

/// Where in the text, the name, and whether the config has a value of its own.
pub fn names(file: &str, text: &str) -> Vec<(usize, String, bool)> {
    let is_config = file.rsplit('/').next().is_some_and(|name| name.starts_with("nuxt.config."));
    if !is_config || !text.contains("runtimeConfig") {
        return Vec::new();
    }
    let Some(script) = Script::read(file, text) else { return Vec::new() };
    let root = script.root();
    let mut out = Vec::new();
    for object in root.dfs().filter(|part| part.kind() == "object").filter_map(|object| value_of(&object, "runtimeConfig")) {
        walk(&object, "NUXT", &mut out);
    }
    out
}

fn walk(object: &Part<'_>, prefix: &str, out: &mut Vec<(usize, String, bool)>) {
    for pair in items(object) {
        let (Some(key), Some(value)) = (key_of(&pair), pair.field("value")) else { continue };
        let name = format!("{prefix}_{}", upper(&key));
        if value.kind() == "object" {
            walk(&value, &name, out);
        } else {
            let empty = text_of(&value).is_some_and(|text| text.is_empty()) || matches!(value.text().as_ref(), "null" | "undefined");
            out.push((pair.range().start, name, !empty && !value.text().contains("process.env")));
        }
    }
}

/// `apiBase` → `API_BASE`.
fn upper(key: &str) -> String {
    let mut out = String::new();
    for c in key.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(if c.is_alphanumeric() { c.to_uppercase().collect::<Vec<_>>() } else { vec!['_'] });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_of_the_runtime_config_has_a_name() {
        let config = "export default defineNuxtConfig({\n  runtimeConfig: {\n    apiSecret: '',\n    mail: { host: 'smtp.example.com' },\n    \
                      token: process.env.TOKEN,\n    public: { apiBase: '/api' },\n  },\n});\n";
        let found: Vec<(String, bool)> = names("apps/web/nuxt.config.ts", config).into_iter().map(|(_, name, own)| (name, own)).collect();
        let row = |name: &str, own| (name.to_owned(), own);
        assert_eq!(
            found,
            [row("NUXT_API_SECRET", false), row("NUXT_MAIL_HOST", true), row("NUXT_TOKEN", false), row("NUXT_PUBLIC_API_BASE", true),]
        );
        assert!(names("server/config.ts", config).is_empty());
    }
}
