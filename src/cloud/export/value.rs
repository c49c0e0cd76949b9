//! What a parameter's value is made of: text, outputs of other stacks, and what only the account knows.
//! Never says how an export writes it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::stacks::System;

/// The account that stands in examples.
const EXAMPLE: &str = "000000000000";

/// A piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    Output {
        stack: &'a str,
        output: &'a str,
    },
    /// The id of the account in use.
    Account,
    /// The address of the secret of that name.
    Secret(&'a str),
    /// The image of a service, by the name of its repository.
    Image(&'a str),
}

/// The pieces of `value` of the parameter `name`, in order.
pub(super) fn pieces<'a>(name: &str, value: &'a str) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut rest = value;
    while let Some((at, piece, len)) = first(name, rest) {
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        pieces.push(piece);
        rest = &rest[at + len..];
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// The first piece that is no text: where, what, how long.
fn first<'a>(name: &str, text: &'a str) -> Option<(usize, Piece<'a>, usize)> {
    let output = text.find('<').and_then(|at| {
        let end = text[at..].find('>')? + at;
        let (stack, output) = text[at + 1..end].rsplit_once('.')?;
        Some((at, Piece::Output { stack, output }, end + 1 - at))
    });
    let secret = text.find("arn:aws:secretsmanager:").and_then(|at| {
        let head = text[at..].find(&format!("{EXAMPLE}:secret:"))? + EXAMPLE.len() + ":secret:".len();
        let named = &text[at + head..];
        let len = named.find(|c: char| !(c.is_ascii_alphanumeric() || "/_+=.@-".contains(c))).unwrap_or(named.len());
        Some((at, Piece::Secret(&named[..len]), head + len))
    });
    let image = (name == "ImageUri").then(|| text.find(EXAMPLE)).flatten().and_then(|at| {
        let end = text[at..].find(',').map_or(text.len(), |i| at + i);
        let path = text[at..end].split_once('/')?.1;
        Some((at, Piece::Image(path.split([':', '@']).next().unwrap_or(path)), end - at))
    });
    let account = text.find(EXAMPLE).map(|at| (at, Piece::Account, EXAMPLE.len()));
    // at one place the more telling piece comes first
    [output, secret, image, account].into_iter().flatten().min_by_key(|(at, _, _)| *at)
}

/// Names of secrets and images that a system's parameters take: secret name, and repository → variable.
pub(super) fn outside(system: &System) -> (BTreeSet<&str>, BTreeMap<&str, String>) {
    let (mut secrets, mut images) = (BTreeSet::new(), BTreeMap::new());
    for stack in &system.stacks {
        for (name, value) in &stack.spec.parameters {
            for piece in pieces(name, value) {
                match piece {
                    Piece::Secret(secret) => drop(secrets.insert(secret)),
                    Piece::Image(repository) => {
                        let service = repository.rsplit('/').next().unwrap_or(repository);
                        images.insert(repository, format!("image_{}", identifier(service)));
                    }
                    Piece::Text(_) | Piece::Output { .. } | Piece::Account => {}
                }
            }
        }
    }
    (secrets, images)
}

/// Letters, digits and underscores.
pub(super) fn identifier(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_apart() {
        let value = "A=arn:aws:secretsmanager:us-east-1:000000000000:secret:shop/session:key::,<net.Id>/x";
        let parts = pieces("Secrets", value);
        let text = Piece::Text;
        assert_eq!(
            parts,
            [text("A="), Piece::Secret("shop/session"), text(":key::,"), Piece::Output { stack: "net", output: "Id" }, text("/x")]
        );
        let arn = pieces("RepositoryArn", "arn:aws:ecr:us-east-1:000000000000:repository/shop/web");
        assert_eq!(arn, [text("arn:aws:ecr:us-east-1:"), Piece::Account, text(":repository/shop/web")]);
        assert_eq!(pieces("ImageUri", "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop/web:r1"), [Piece::Image("shop/web")]);
        assert_eq!(pieces("ImageUri", "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop/web@sha256:0000"), [Piece::Image("shop/web")]);
        assert_eq!(pieces("Cpu", ""), [text("")]);
    }
}
