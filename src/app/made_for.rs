//! What the app's code was already prepared for, held against what is decided now: the code does not forget, a command without `--set` does.
//! Never changes a decision: it only says where the two differ.

use super::needs::Decided;
use super::scan::DROP_INS;

/// One sentence for each decision that the code was changed for and that is another one now, or none.
pub fn differs(files: &[(String, String)], decided: &Decided) -> Vec<String> {
    let drop_in = format!("{DROP_INS}/bedrock-openai");
    let made = |name: &str, mark: &str| {
        let has = |(path, text): &&(String, String)| path.rsplit('/').next() == Some(name) && text.contains(mark);
        files.iter().find(has).map(|(path, _)| path.clone())
    };
    let known = [
        ("ai", "bedrock", made("package.json", &drop_in), "answers OpenAI's calls by Bedrock"),
        ("database", "dsql", made("dsql.ts", "@aws-sdk/dsql-signer"), "signs in to Aurora DSQL with tokens"),
    ];
    let told = |(decision, outcome, place, does): (&str, &str, Option<String>, &str)| {
        let place = place.filter(|_| !decided.is(decision, outcome))?;
        let now =
            decided.outcome(decision).map_or_else(|| "nothing is decided".to_owned(), |other| format!("{decision} = {other} is decided"));
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
        assert!(differs(&files[..0], &Decided::default()).is_empty());
    }
}
