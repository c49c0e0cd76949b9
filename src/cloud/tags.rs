//! How we recognise what is ours on AWS: two tags on everything we create.
//! Never makes a call.

use std::collections::BTreeMap;

/// On every resource we create; what lacks it is never changed or deleted.
pub const MANAGED_BY: &str = "managed-by";
/// The value of [`MANAGED_BY`].
pub const US: &str = "migrate-wizard";
/// Which run created it.
pub const RUN: &str = "migrate-wizard-run";

/// `tags` plus the mark that it is ours.
pub fn ours(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = tags.clone();
    all.insert(MANAGED_BY.to_owned(), US.to_owned());
    all
}

/// Whether these tags say that it is ours.
pub fn is_ours<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
    tags.into_iter().any(|(key, value)| key == MANAGED_BY && value == US)
}

/// A token as AWS takes it: letters, digits and hyphens, starting with a letter, at most 128 long; anything else is hashed, so equal in gives equal out.
pub fn request_token(token: &str) -> String {
    use sha2::{Digest, Sha256};
    let fits = token.len() <= 120
        && token.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
        && token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if fits { token.to_owned() } else { format!("mw-{}", hex(&Sha256::digest(token.as_bytes()))) }
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_fit_what_aws_takes() {
        assert_eq!(request_token("run-1-network-2"), "run-1-network-2");
        let hashed = request_token("run/1:network");
        assert_eq!((hashed.len(), &hashed[..3]), (67, "mw-"));
        assert_eq!(hashed, request_token("run/1:network"));
        assert!(request_token(&"a".repeat(300)).len() <= 128);
    }

    #[test]
    fn ours_is_said_by_the_tag_alone() {
        assert!(is_ours([("a", "b"), ("managed-by", "migrate-wizard")]));
        assert!(!is_ours([("managed-by", "terraform")]));
    }
}
