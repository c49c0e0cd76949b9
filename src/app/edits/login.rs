//! Replit's login becomes Cognito's, by the same OpenID Connect code: what is asked for, what is read, how one leaves.
//! Who a person is to the app is `link`'s work: ids stay.

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::list::ListEdit;
use super::super::orm::script::{Part, Script, items, key_of, text_of, value_of};
use super::link;
use super::syntax::{calls, env_name, exported, function_of, is_typed, required, statement_of, strings};
use super::work::Work;

/// Replit's names of what it tells about a person, and the standard's.
const CLAIMS: &[(&str, &str)] = &[("first_name", "given_name"), ("last_name", "family_name"), ("profile_image_url", "picture")];
const CLAIMS_WHY: &str = "the standard's name of what a login tells about a person";

pub fn edit(work: &mut Work) {
    let concerned = |_: &str, text: &str| text.contains("replit.com/oidc") || text.contains("replitauth:");
    if work.server(concerned).is_empty() {
        return;
    }
    // another issuer for people who are not found again would lock them out
    if !link::edit(work, concerned) {
        return;
    }
    for script in work.server(concerned) {
        let edits = protocol(&script, work);
        work.edit(&script, edits);
    }
    // The client's id is told where it is used, which may be another file than the one of the login.
    for script in work.server(|_, text| text.contains("REPL_ID") && text.contains("openid-client")) {
        let edits = client_id(&script);
        work.edit(&script, edits);
    }
    for script in work.server(|_, text| text.contains("claims")) {
        let edits = claims(&script);
        work.edit(&script, edits);
    }
}

fn protocol(script: &Script, work: &mut Work) -> Vec<Edit> {
    let root = script.root();
    let mut edits = Vec::new();
    for part in strings(&root) {
        let text = part.text();
        if text.contains("replit.com/oidc") {
            // With what it stands in for: `process.env.ISSUER_URL ?? "https://replit.com/oidc"`.
            let default = part.parent().filter(|up| up.kind() == "binary_expression" && up.text().starts_with("process.env.ISSUER_URL"));
            let range = default.map_or(part.range(), |up| up.range());
            edits.push(Edit::new(range, required(script, "ISSUER_URL"), "the issuer is the Cognito pool, told by the environment"));
        } else if text.contains("replitauth:") {
            edits.push(Edit::new(part.range(), text.replace("replitauth:", "oidc:"), "the login is no longer Replit's"));
        } else if text.split(['"', '\'', '`', ' ']).any(|word| word == "offline_access")
            && text_of(&part).as_deref() != Some("offline_access")
        {
            let kept = text.replace(" offline_access", "").replace("offline_access ", "");
            edits.push(Edit::new(part.range(), kept, "Cognito has no such scope; it gives a refresh token without it"));
        } else if text_of(&part).as_deref() == Some("login consent") {
            edits.push(Edit::new(
                part.range(),
                text.replace("login consent", "login"),
                "Cognito asks for no consent of the app's own login",
            ));
        }
    }
    for array in root.dfs().filter(|part| part.kind() == "array") {
        let gone: Vec<(usize, String)> = items(&array)
            .iter()
            .enumerate()
            .filter(|(_, item)| text_of(item).as_deref() == Some("offline_access"))
            .map(|(place, _)| (place, "Cognito has no such scope; it gives a refresh token without it".to_owned()))
            .collect();
        if !gone.is_empty() {
            edits.extend(ListEdit { script, list: &array, gone: &gone, added: &[] }.edits());
        }
    }
    edits.extend(refresh(&root));
    edits.extend(logout(script, work));
    edits
}

/// `process.env.REPL_ID` says "I run on Replit" to other code: on AWS it is never set.
fn client_id(script: &Script) -> Vec<Edit> {
    const WHY: &str = "the client's id of the Cognito pool has a name of its own: REPL_ID is never set on AWS";
    let root = script.root();
    root.dfs()
        .filter(|part| env_name(part).as_deref() == Some("REPL_ID"))
        .map(|part| Edit::new(part.range(), "process.env.COGNITO_CLIENT_ID", WHY))
        .collect()
}

/// Cognito's answer to a refresh has no new refresh token: the old one goes on.
fn refresh(root: &Part<'_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    for set in root.dfs().filter(|part| part.kind() == "assignment_expression") {
        let (Some(left), Some(right)) = (set.field("left"), set.field("right")) else { continue };
        if left.text().ends_with(".refresh_token") && right.text().ends_with(".refresh_token") && left.text() != right.text() {
            let why = "Cognito gives no new refresh token when one is used: the old one goes on";
            edits.push(Edit::new(right.range(), format!("{} ?? {}", right.text(), left.text()), why));
        }
    }
    edits
}

/// `buildEndSessionUrl` gives what Cognito does not take.
fn logout(script: &Script, work: &mut Work) -> Vec<Edit> {
    const WHY: &str = "Cognito's logout wants client_id and logout_uri, at an address of its own";
    let root = script.root();
    let mut edits = Vec::new();
    let mut first = None;
    for call in calls(&root, "buildEndSessionUrl") {
        let arguments = super::super::orm::script::arguments(&call);
        let uri = arguments.get(1).filter(|options| options.kind() == "object").and_then(|options| {
            Some((
                value_of(options, "client_id")?,
                items(options).into_iter().find(|pair| key_of(pair).as_deref() == Some("post_logout_redirect_uri"))?,
            ))
        });
        let (Some(function), Some((_, uri))) = (call.field("function"), uri) else {
            work.item(&script.path, Some(script.line(call.range().start)), "build Cognito's logout address here", WHY);
            continue;
        };
        edits.push(Edit::new(function.range(), "logoutUrl", WHY));
        if let Some(key) = uri.field("key") {
            edits.push(Edit::new(key.range(), "logout_uri", WHY));
        }
        first = first.or_else(|| outermost(&call));
    }
    if let Some(statement) = first {
        let imports = Imports::of(script);
        let namespace = imports.all.iter().find(|import| import.module == "openid-client").and_then(|import| import.namespace.clone());
        let style = script.style();
        let types = match (is_typed(&script.path), namespace) {
            (true, Some(namespace)) => (format!(": {namespace}.Configuration"), ": { client_id: string; logout_uri: string }", "!"),
            (true, None) => (": any".to_owned(), ": { client_id: string; logout_uri: string }", ""),
            (false, _) => (String::new(), "", ""),
        };
        let lines = [
            "// Cognito's logout is no end-session request of the standard. The address must be one of the pool's logout URLs, with its slash.".to_owned(),
            format!("function logoutUrl(config{}, wanted{}) {{", types.0, types.1),
            format!("  const url = new URL({}, config.serverMetadata().authorization_endpoint{}){}", style.text("/logout"), types.2, style.end()),
            format!("  url.searchParams.set({}, wanted.client_id){}", style.text("client_id"), style.end()),
            format!("  url.searchParams.set({}, new URL({}, wanted.logout_uri).href){}", style.text("logout_uri"), style.text("/"), style.end()),
            format!("  return url{}", style.end()),
            "}".to_owned(),
        ];
        let at = statement.range().start;
        edits.push(Edit::new(at..at, lines.map(|line| line + style.newline).concat() + style.newline, WHY));
    }
    edits
}

/// The statement of the file that a part stands in.
fn outermost<'r>(part: &Part<'r>) -> Option<Part<'r>> {
    let mut function = function_of(part)?;
    while let Some(outer) = function_of(&function) {
        function = outer;
    }
    statement_of(&function).map(|statement| exported(&statement))
}

/// `claims["first_name"]`, `req.user.claims.first_name`.
fn claims(script: &Script) -> Vec<Edit> {
    let of_claims =
        |part: &Part<'_>| part.field("object").is_some_and(|object| object.text() == "claims" || object.text().ends_with(".claims"));
    let named = |name: &str| CLAIMS.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
    let mut edits = Vec::new();
    for part in script.root().dfs() {
        match part.kind().as_ref() {
            "subscript_expression" if of_claims(&part) => {
                let Some(index) = part.field("index") else { continue };
                if let Some((old, new)) = text_of(&index).and_then(|old| Some((old.clone(), named(&old)?))) {
                    edits.push(Edit::new(index.range(), index.text().replace(&old, new), CLAIMS_WHY));
                }
            }
            "member_expression" if of_claims(&part) => {
                let Some(property) = part.field("property") else { continue };
                if let Some(new) = named(&property.text()) {
                    edits.push(Edit::new(property.range(), new, CLAIMS_WHY));
                }
            }
            _ => {}
        }
    }
    edits
}
