//! What packages of Python read by a name that stands elsewhere: pydantic's settings by their fields, Django's databases by a name of their own.
//! Never follows a value through the code: what a class takes in from another file is not seen.

use std::sync::LazyLock;

use regex::Regex;

use super::super::python::{body, code, name, statements};

struct Words {
    url: Regex,
    env: Regex,
    default: Regex,
    prefix: Regex,
    alias: Regex,
    field: Regex,
}

static WORDS: LazyLock<Option<Words>> = LazyLock::new(|| {
    Some(Words {
        // django-environ has DATABASE_URL where nothing is named
        url: Regex::new(r"\bdj_database_url\.(config)\(|\b[eE]nv\.(?:db|db_url)\(\s*(?:\)|default\b|engine\b)").ok()?,
        env: Regex::new(r#"^\s*(?:env\s*=\s*)?["']([A-Za-z_]\w*)["']|\benv\s*=\s*["']([A-Za-z_]\w*)["']"#).ok()?,
        default: Regex::new(r"\bdefault\s*=\s*([^\s,)][^,)]*)").ok()?,
        prefix: Regex::new(r#"\benv_prefix\s*=\s*["'](\w*)["']"#).ok()?,
        alias: Regex::new(r#"\b(?:validation_alias|alias|env)\s*=\s*(?:AliasChoices\(|\[)?\s*["']([A-Za-z_]\w*)["']"#).ok()?,
        field: Regex::new(r"^Field\(\s*").ok()?,
    })
});

/// Where in the text, the name, and whether the code has a value of its own.
pub fn names(file: &str, text: &str) -> Vec<(usize, String, bool)> {
    let Some(words) = WORDS.as_ref().filter(|_| file.ends_with(".py")) else { return Vec::new() };
    let mut out = databases(words, text);
    if text.contains("BaseSettings") {
        settings(words, text, &mut out);
    }
    out
}

/// `dj_database_url.config(…)`: SQLite is for one's own machine, so it is no default on AWS.
fn databases(words: &Words, text: &str) -> Vec<(usize, String, bool)> {
    let calls = words.url.captures_iter(text).filter_map(|found| Some((found.get(0)?, found.get(1).is_some())));
    calls
        .map(|(call, is_dj)| {
            let open = call.as_str().find('(').map_or(call.end(), |at| call.start() + at + 1);
            let given = arguments(text.get(open..).unwrap_or_default());
            let env = words.env.captures(given).filter(|_| is_dj).and_then(|found| found.get(1).or_else(|| found.get(2)));
            let default = words.default.captures(given).and_then(|found| found.get(1)).map(|value| value.as_str().to_lowercase());
            let own = default.is_some_and(|value| !value.starts_with("none") && !value.contains("sqlite") && !is_empty(&value));
            (call.start(), env.map_or("DATABASE_URL", |env| env.as_str()).to_owned(), own)
        })
        .collect()
}

/// Names under which Django's databases are read, with where: of PostgreSQL, unless the code says another one.
pub fn postgres(file: &str, text: &str) -> Vec<(usize, String)> {
    let Some(words) = WORDS.as_ref().filter(|_| file.ends_with(".py") && text.contains("dj_database_url")) else { return Vec::new() };
    let is_other = ["mysql", "oracle", "mssql"].iter().any(|engine| text.contains(engine));
    if is_other { Vec::new() } else { databases(words, text).into_iter().map(|(at, name, _)| (at, name)).collect() }
}

/// Up to the parenthesis that closes.
fn arguments(rest: &str) -> &str {
    let bare = code(rest);
    let mut depth = 1usize;
    for (at, c) in bare.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return rest.get(..at).unwrap_or_default();
        }
    }
    rest
}

fn is_empty(value: &str) -> bool {
    matches!(value.trim(), "\"\"" | "''")
}

/// Fields of each class that is built on `BaseSettings`, also by way of another class of this file.
fn settings(words: &Words, text: &str, out: &mut Vec<(usize, String, bool)>) {
    let bare = code(text);
    let mut bases = vec![("BaseSettings".to_owned(), String::new())];
    for class in statements(&bare) {
        let Some(head) = bare.get(class.clone()).filter(|text| text.starts_with("class ")) else { continue };
        let given = head.find('(').map_or("", |at| arguments(head.get(at + 1..).unwrap_or_default()));
        let base = given.split(',').find_map(|base| {
            let base = base.trim().rsplit('.').next().unwrap_or_default();
            bases.iter().find(|(known, _)| known == base).cloned()
        });
        let Some((_, inherited)) = base else { continue };
        let whole = text.get(class.clone()).unwrap_or_default();
        let prefix = words.prefix.captures(whole).and_then(|found| Some(found.get(1)?.as_str().to_owned())).unwrap_or(inherited);
        if let Some(name) = name(head) {
            bases.push((name.to_owned(), prefix.clone()));
        }
        for statement in body(&bare, &class) {
            let (Some(plain), Some(full)) = (bare.get(statement.clone()), text.get(statement.clone())) else { continue };
            // `name: type`, with or without a value
            let Some((field, rest)) = plain.split_once(':').map(|(field, rest)| (field.trim_end(), rest)) else { continue };
            let is_word = !field.is_empty() && field.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !is_word || field.starts_with('_') || field == "model_config" || rest.trim_start().starts_with("ClassVar") {
                continue;
            }
            let value = assigned(rest).and_then(|at| full.get(field_start(plain) + at..)).map(str::trim);
            let (name, own) = of_field(words, field, value, &prefix);
            out.push((statement.start, name, own));
        }
    }
}

/// Where what follows the colon of a field begins.
fn field_start(plain: &str) -> usize {
    plain.find(':').map_or(plain.len(), |at| at + 1)
}

/// Where a field's value begins, behind the `=` that stands in no bracket.
fn assigned(rest: &str) -> Option<usize> {
    let mut depth = 0usize;
    rest.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '=' if depth == 0 => return Some(at + 1),
            _ => {}
        }
        None
    })
}

fn of_field(words: &Words, field: &str, value: Option<&str>, prefix: &str) -> (String, bool) {
    let usual = format!("{prefix}{field}").to_uppercase();
    let Some(value) = value else { return (usual, false) };
    let Some(head) = words.field.find(value) else { return (usual, !is_empty(value)) };
    let given = arguments(value.get(head.end()..).unwrap_or_default());
    let name = words.alias.captures(given).and_then(|found| Some(found.get(1)?.as_str().to_uppercase())).unwrap_or(usual);
    let first = given.split(',').next().unwrap_or_default().trim();
    let positional = (!first.is_empty() && !first.contains('=')).then_some(first);
    let named = words.default.captures(given).and_then(|found| Some(found.get(1)?.as_str().trim()));
    let own = positional.or(named).map_or_else(|| given.contains("default_factory"), |default| default != "..." && !is_empty(default));
    (name, own)
}

#[cfg(test)]
mod tests {
    use super::super::super::database::Engine;
    use super::super::super::fixture::App;

    fn named(app: &App) -> Vec<String> {
        let scan = app.scan();
        let own = |own: bool| if own { "?" } else { "" };
        scan.variables.iter().map(|v| format!("{}{} {}:{}", v.name, own(v.has_default), v.places[0].file, v.places[0].line)).collect()
    }

    #[test]
    fn fields_of_pydantics_settings_are_variables() {
        let code = "from typing import ClassVar, Optional\nfrom pydantic import Field\nfrom pydantic_settings import BaseSettings, SettingsConfigDict\n\n\nclass Settings(BaseSettings):\n    \"\"\"What: it is.\"\"\"\n    model_config = SettingsConfigDict(env_file=\".env\", extra=\"ignore\")\n\n    database_url: str\n    jwt_secret: str\n    openai_model: str = \"gpt-4o-mini\"  # the: model\n    sentry_dsn: Optional[str] = None\n    kept: ClassVar[int] = 3\n    mail_key: str = Field(..., alias=\"SENDGRID_API_KEY\")\n    level: str = Field(\n        default=\"info\",\n        validation_alias=AliasChoices(\"LOG_LEVEL\", \"LEVEL\"),\n    )\n    hosts: dict[str, int] = Field(default_factory=dict)\n    stripe_secret_key: str = \"\"\n\n    @property\n    def is_dev(self) -> bool:\n        x: int = 3\n        return True\n\n\nclass Worker(Settings):\n    class Config:\n        env_prefix = \"WORKER_\"\n\n    queue: str\n\n\nclass Other(BaseModel):\n    not_read: str\n";
        let app = App::new(&[("app/config.py", code), ("requirements.txt", "fastapi\n")]);
        assert_eq!(
            named(&app),
            [
                "DATABASE_URL app/config.py:10",
                "HOSTS? app/config.py:20",
                "JWT_SECRET app/config.py:11",
                "LOG_LEVEL? app/config.py:16",
                "OPENAI_MODEL? app/config.py:12",
                "SENDGRID_API_KEY app/config.py:15",
                "SENTRY_DSN? app/config.py:13",
                "STRIPE_SECRET_KEY app/config.py:21",
                "WORKER_QUEUE app/config.py:33",
            ]
        );
        assert!(app.scan().databases.iter().any(|found| found.engine == Engine::Postgres && found.by == "DATABASE_URL"));
    }

    #[test]
    fn djangos_databases_are_read_by_a_name_of_their_own() {
        let database = |code: &str| {
            let app = App::new(&[("manage.py", ""), ("site1/settings.py", code), ("requirements.txt", "django\n")]);
            let scan = app.scan();
            let used: Vec<String> =
                scan.databases.iter().map(|found| format!("{:?} {} {}", found.engine, found.by, found.place.line)).collect();
            (named(&app), used)
        };
        let code = "import dj_database_url\nDATABASES = {\"default\": dj_database_url.config(default=\"sqlite:///db.sqlite3\", conn_max_age=600)}\n";
        let (names, used) = database(code);
        assert_eq!(names, ["DATABASE_URL site1/settings.py:2"]);
        assert_eq!(used, ["Postgres DATABASE_URL 2"]);
        let (names, used) = database(
            "import dj_database_url\nA = dj_database_url.config(env=\"PG_URL\")\nB = dj_database_url.config(\n    \"OTHER_URL\", default=f\"postgres://{HOST}/a\")\n",
        );
        assert_eq!(names, ["OTHER_URL? site1/settings.py:3", "PG_URL site1/settings.py:2"]);
        assert_eq!(used, ["Postgres OTHER_URL 3", "Postgres PG_URL 2"]);
        let (names, _) = database("import environ\nenv = environ.Env()\nDATABASES = {\"default\": env.db()}\n");
        assert_eq!(names, ["DATABASE_URL site1/settings.py:3"]);
    }

    #[test]
    fn names_are_found_however_python_reads_them() {
        let app = App::new(&[
            (
                "a.py",
                "import os\nfrom os import environ, getenv\na = environ[\"ALPHA\"]\nb = getenv(\"BETA\")\nc = os.getenv(key=\"GAMMA\")\nif \"DELTA\" in os.environ:\n    pass\ne = environ.pop(\"EPSILON\", None)\n",
            ),
            (
                "e.py",
                "from decouple import Csv, config\nDB = {\"HOST\": config(\"DB_HOST\"), \"PORT\": config(\"DB_PORT\", cast=int, default=5432)}\n",
            ),
            ("b.py", "from environs import Env\nenv = Env()\nf = env.int(\"PHI\", 3)\ng = env.str(\"CHI\")\nh = env(\"PSI\", default=1)\n"),
            (
                "c.py",
                "k = config(\"STRIPE_SECRET_KEY\", default=\"\")\nl = os.environ.get(\"MAIL_TOKEN\", '')\nm = os.environ.get(\"SITE_NAME\", \"\")\nn = os.getenv(\"API_KEY\") or \"\"\n",
            ),
            (
                "d.js",
                "const a = process.env.HOOK_SECRET || \"\";\nconst b = process.env.TITLE || \"\";\nconst { SMTP_PASS = \"\" } = process.env;\n",
            ),
            ("requirements.txt", "flask\n"),
        ]);
        assert_eq!(
            named(&app),
            [
                "ALPHA a.py:3",
                "API_KEY c.py:4",
                "BETA a.py:4",
                "CHI b.py:4",
                "DB_HOST e.py:2",
                "DB_PORT? e.py:2",
                "DELTA? a.py:6",
                "EPSILON? a.py:8",
                "GAMMA a.py:5",
                "HOOK_SECRET d.js:1",
                "MAIL_TOKEN c.py:2",
                "PHI? b.py:3",
                "PSI? b.py:5",
                "SITE_NAME? c.py:3",
                "SMTP_PASS d.js:3",
                "STRIPE_SECRET_KEY c.py:1",
                "TITLE? d.js:2",
            ]
        );
    }
}
