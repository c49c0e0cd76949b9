//! A package of `pyproject.toml` is asked for from a folder of the app: as Poetry writes it, or as uv does.
//! Never touches a file whose form it does not know in full: that is left to a person.

use std::sync::LazyLock;

use regex::Regex;

static QUOTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(["'])([A-Za-z0-9][A-Za-z0-9._-]*)(?:[^"'\n]*)["']\s*,?[ \t]*"#).ok());

/// The drop-in is there already.
pub fn is_placed(text: &str, folder: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("replit") && line.contains(&format!("path = \"{folder}\"")))
}

/// The text with the drop-in (the package `replit`) in the place of these packages; `None`: none of them stands there in a form that is known.
pub fn with_drop_in(text: &str, packages: &[&str], folder: &str) -> Option<String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let source = format!("replit = {{ path = \"{folder}\" }}");
    let lines: Vec<&str> = text.lines().collect();
    let out = if text.contains("[tool.poetry.dependencies]") { poetry(&lines, packages, &source)? } else { uv(&lines, packages, &source)? };
    let after = out.join(newline) + newline;
    // what is no TOML any more was in no form that we know
    toml::from_str::<toml::Table>(&after).is_ok().then_some(after)
}

fn poetry(lines: &[&str], packages: &[&str], source: &str) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let mut inside = false;
    let mut placed = false;
    for line in lines {
        if line.trim_start().starts_with('[') {
            inside = line.trim() == "[tool.poetry.dependencies]";
        }
        let key = line.split('=').next().unwrap_or_default().trim().trim_matches('"');
        if inside && packages.contains(&key) {
            if !placed {
                out.push(source.to_owned());
            }
            placed = true;
        } else {
            out.push((*line).to_owned());
        }
    }
    placed.then_some(out)
}

fn uv(lines: &[&str], packages: &[&str], source: &str) -> Option<Vec<String>> {
    let quoted = QUOTED.as_ref()?;
    let mut out: Vec<String> = Vec::new();
    let (mut project, mut list) = (false, false);
    let (mut placed, mut sources) = (false, None);
    for line in lines {
        let head = line.trim();
        if head.starts_with('[') && !list {
            project = head == "[project]";
            if head == "[tool.uv.sources]" {
                sources = Some(out.len() + 1);
            }
        }
        if sources.is_some() && head.split('=').next().is_some_and(|key| key.trim() == "replit") {
            return None;
        }
        list |= project && head.split('=').next().is_some_and(|key| key.trim() == "dependencies") && head.contains('[');
        if !list {
            out.push((*line).to_owned());
            continue;
        }
        let mut changed = (*line).to_owned();
        for found in quoted.captures_iter(line) {
            let (Some(whole), Some(name)) = (found.get(0), found.get(2)) else { continue };
            if !packages.contains(&name.as_str().to_lowercase().as_str()) {
                continue;
            }
            let comma = if whole.as_str().contains(',') { ", " } else { "" };
            let put = if placed { String::new() } else { format!("\"replit\"{comma}") };
            placed = true;
            changed = changed.replacen(whole.as_str(), &put, 1);
        }
        // a list ends where its bracket does; extras in brackets stand within quotes
        let bare = quoted.replace_all(line, "");
        list = !bare.contains(']');
        if !changed.trim().is_empty() || line.trim().is_empty() {
            out.push(changed.trim_end().to_owned());
        }
    }
    if !placed {
        return None;
    }
    match sources {
        Some(at) => out.insert(at, source.to_owned()),
        None => out.extend([String::new(), "[tool.uv.sources]".to_owned(), source.to_owned()]),
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGES: [&str; 2] = ["replit", "replit-object-storage"];
    const FOLDER: &str = ".migrate/shims/python";

    #[test]
    fn uv_is_told_where_the_package_is() {
        let text = "[project]\nname = \"x\"\ndependencies = [\n    \"flask[async]>=3\",\n    \"replit>=4.1.2\",\n    \"replit-object-storage>=1.0\",\n    \"pg\",\n]\n\n[tool.ruff]\nline = 1\n";
        let after = with_drop_in(text, &PACKAGES, FOLDER).unwrap();
        assert_eq!(
            after,
            "[project]\nname = \"x\"\ndependencies = [\n    \"flask[async]>=3\",\n    \"replit\",\n    \"pg\",\n]\n\n[tool.ruff]\nline = 1\n\n[tool.uv.sources]\nreplit = { path = \".migrate/shims/python\" }\n"
        );
        assert!(is_placed(&after, FOLDER) && !is_placed(text, FOLDER));
        let inline = "[project]\ndependencies = [\"flask\", \"replit==4.1\"]\n[tool.uv.sources]\nother = { path = \"x\" }\n";
        assert_eq!(
            with_drop_in(inline, &PACKAGES, FOLDER).unwrap(),
            "[project]\ndependencies = [\"flask\", \"replit\"]\n[tool.uv.sources]\nreplit = { path = \".migrate/shims/python\" }\nother = { path = \"x\" }\n"
        );
    }

    #[test]
    fn poetry_is_told_where_the_package_is() {
        let text = "[tool.poetry.dependencies]\r\npython = \"^3.11\"\r\nreplit = \"^4.1\"\r\nflask = \"*\"\r\n\r\n[tool.poetry.group.dev.dependencies]\r\nreplit = \"*\"\r\n";
        assert_eq!(
            with_drop_in(text, &PACKAGES, FOLDER).unwrap(),
            "[tool.poetry.dependencies]\r\npython = \"^3.11\"\r\nreplit = { path = \".migrate/shims/python\" }\r\nflask = \"*\"\r\n\r\n[tool.poetry.group.dev.dependencies]\r\nreplit = \"*\"\r\n"
        );
    }

    #[test]
    fn another_form_is_left_to_a_person() {
        for text in [
            "[project]\nname = \"x\"\ndependencies = [\"flask\"]\n",
            "[project]\ndependencies = [\"replit\"]\n[tool.uv.sources]\nreplit = { git = \"https://example.org\" }\n",
            "[tool.poetry.dependencies]\nflask = \"*\"\n",
            "[project.optional-dependencies]\nx = [\"replit\"]\n",
            "[tool.poetry.dependencies.replit]\nversion = \"4\"\n",
        ] {
            assert_eq!(with_drop_in(text, &PACKAGES, FOLDER), None, "{text}");
        }
    }
}
