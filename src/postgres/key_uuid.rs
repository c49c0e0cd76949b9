//! The uuid that stands for a numbered key: made of where the key is and its number, so that it can be made again at any time.
//! Never random, and never needs an extension: PostgreSQL 11 and newer has `sha256` built in, and no SHA-1 for a version 5.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// Ours, so that no other program's names meet with these.
const NAMESPACE: &str = "5f2a6d1e9c0b4e7a8f31d4b6c2907e58";

/// For `public.users.id` and `42`: version 8 of RFC 9562, from the SHA-256 of our namespace and `public.users.id:42`.
pub fn of(root: &str, number: &str) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(Uuid::parse_str(NAMESPACE).unwrap_or_default().as_bytes());
    hash.update(format!("{root}:{number}").as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    // The variant takes two bits; the SQL form writes the whole digit, so that both are the same.
    bytes[8] = (bytes[8] & 0x0f) | 0x80;
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The same as SQL over a whole-number expression; null for null.
pub fn expression(root: &str, number: &str) -> String {
    let name = crate::postgres::quote::literal(&format!("{root}:"));
    format!(
        "overlay(overlay(substr(encode(sha256('\\x{NAMESPACE}'::bytea || convert_to({name} || {number}::text, 'UTF8')), 'hex'), 1, 32) \
         placing '8' from 13) placing '8' from 17)::uuid"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_uuid_of_version_8() {
        let first = of("public.users.id", "42");
        assert_eq!(first, of("public.users.id", "42"));
        assert_eq!((first.get_version_num(), first.get_variant()), (8, uuid::Variant::RFC4122));
        assert_ne!(first, of("public.users.id", "43"));
        assert_ne!(first, of("public.orders.id", "42"));
    }
}
