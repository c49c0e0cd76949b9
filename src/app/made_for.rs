//! What the app's code was already prepared for, held against what is decided now: the code does not forget, a command without `--set` does.
//! Never changes a decision: it only says where the two differ.

use super::mark::is_written;
use super::needs::Decided;
use super::scan::DROP_INS;
use super::tree::is_test;

/// One sentence for each decision that the code was changed for and that is another one now, or none. What is made, too, while nothing is
/// decided (the login, S3 in the place of Replit's storage) is told only where something else was decided.
pub fn differs(files: &[(String, String)], decided: &Decided) -> Vec<String> {
    let made = |is: &dyn Fn(&str, &str) -> bool| {
        let code = files.iter().filter(|(path, _)| !is_test(path));
        code.filter(|(path, text)| is(path, text)).map(|(path, _)| path.clone()).next()
    };
    let manifest =
        |path: &str| ["package.json", "requirements.txt", "pyproject.toml"].iter().any(|name| path.rsplit('/').next() == Some(name));
    let drop_in = |name: &'static str| {
        let placed = format!("{DROP_INS}/{name}");
        made(&move |path, text| manifest(path) && text.contains(&placed))
    };
    let signs_in =
        |text: &str| ["process.env.COGNITO_CLIENT_ID", "environ[\"COGNITO_CLIENT_ID\"]"].iter().any(|reads| text.contains(reads));
    let template = made(&|path, text| path.ends_with("objectStorage.ts") && text.contains("@aws-sdk/client-s3"));
    let uploads =
        || made(&|_, text| is_written(text) && ["function uploadStorage(", "def save_upload("].iter().any(|own| text.contains(own)));
    let python = || made(&|path, text| path.ends_with(".py") && text.contains("replit.object_storage")).and_then(|_| drop_in("python"));
    let known = [
        ("ai", "bedrock", true, drop_in("bedrock-openai"), "answers OpenAI's calls by Bedrock"),
        (
            "database",
            "dsql",
            true,
            made(&|path, text| path.ends_with("dsql.ts") && text.contains("@aws-sdk/dsql-signer")),
            "signs in to Aurora DSQL with tokens",
        ),
        ("auth", "cognito", false, made(&|_, text| signs_in(text)), "signs people in with Cognito"),
        ("storage", "s3", false, template.or_else(|| drop_in("object-storage")).or_else(python).or_else(uploads), "keeps its files in S3"),
    ];
    let told = |(decision, outcome, while_open, place, does): (&str, &str, bool, Option<String>, &str)| {
        let other = decided.outcome(decision);
        let place = place.filter(|_| !decided.is(decision, outcome) && (while_open || other.is_some()))?;
        let now = other.map_or_else(|| "nothing is decided".to_owned(), |other| format!("{decision} = {other} is decided"));
        Some(format!("{place}: the code {does}, and {now} here: say --set {decision}={outcome}, or undo that change of the code"))
    };
    known.into_iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_decision_are_held_against_each_other() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = [
            file("apps/api/package.json", r#"{"dependencies":{"openai":"file:../../.migrate/shims/bedrock-openai"}}"#),
            file("server/dsql.ts", "import { DsqlSigner } from \"@aws-sdk/dsql-signer\";\n"),
        ];
        let told = |decided: &[(&str, &str)]| differs(&files, &decided.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        assert!(told(&[("ai", "bedrock"), ("database", "dsql")]).is_empty());
        let open = told(&[("database", "rds")]);
        assert_eq!(open.len(), 2, "{open:?}");
        assert!(
            open[0].starts_with("apps/api/package.json: ") && open[0].contains("nothing is decided here: say --set ai=bedrock"),
            "{open:?}"
        );
        assert!(open[1].contains("database = rds is decided here: say --set database=dsql"), "{open:?}");
        let files = [
            file("server/auth.ts", "new URL(process.env.ISSUER_URL!), process.env.COGNITO_CLIENT_ID!"),
            file("server/auth.test.ts", "process.env.COGNITO_CLIENT_ID = 'x'"),
            file("server/objectStorage.ts", "import { S3Client } from \"@aws-sdk/client-s3\";\n"),
        ];
        let told = |decided: &[(&str, &str)]| differs(&files, &decided.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        // the edits are made while nothing is decided, too
        assert!(told(&[]).is_empty() && told(&[("auth", "cognito"), ("storage", "s3")]).is_empty(), "{:?}", told(&[]));
        let other = told(&[("auth", "app"), ("storage", "none")]);
        assert_eq!(
            other,
            [
                "server/auth.ts: the code signs people in with Cognito, and auth = app is decided here: say --set auth=cognito, or undo that change of the code",
                "server/objectStorage.ts: the code keeps its files in S3, and storage = none is decided here: say --set storage=s3, or undo that change of the code",
            ]
        );
        let python = [file("main.py", "from replit.object_storage import Client\n"), file("requirements.txt", "./.migrate/shims/python\n")];
        let told = differs(&python, &[("storage".to_owned(), "none".to_owned())].into_iter().collect());
        assert!(told.len() == 1 && told[0].starts_with("requirements.txt: the code keeps its files in S3"), "{told:?}");
        let uploads = [file("server/uploads.ts", include_str!("../../assets/files/uploads.ts"))];
        let told = differs(&uploads, &[("storage".to_owned(), "none".to_owned())].into_iter().collect());
        assert!(told.len() == 1 && told[0].starts_with("server/uploads.ts: the code keeps its files in S3"), "{told:?}");
        // the key-value store alone asks for no bucket
        assert!(differs(&python[1..], &[("storage".to_owned(), "none".to_owned())].into_iter().collect()).is_empty());
        assert!(differs(&files[..0], &Decided::default()).is_empty());
    }
}
