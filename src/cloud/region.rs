//! Regions of AWS, from a dated list: a name that is not one is refused offline, with the one that was probably meant.
//! Never asks the network, and knows nothing of which services a region has.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Kind, Result};
use crate::text;

const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/regions.toml"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Regions {
    as_of: String,
    source: String,
    regions: BTreeMap<String, String>,
}

/// Errors with [`Kind::Input`] if no region is called so.
pub fn check(name: &str) -> Result<()> {
    let known: Regions = toml::from_str(LIST).map_err(|e| Error::bug(format!("assets/regions.toml: {e}")))?;
    if known.regions.contains_key(name) {
        return Ok(());
    }
    let nearest = known.regions.iter().map(|(region, place)| (text::distance(name, region), region, place)).min();
    let meant = match nearest {
        Some((changes, region, place)) if changes <= 2 => format!("did you mean {region}, {place}? "),
        Some(_) | None => String::new(),
    };
    Err(Error::new(Kind::Input, format!("AWS has no region called `{name}`"))
        .cause(format!("it is not among the {} regions of {} ({})", known.regions.len(), known.as_of, known.source))
        .hint(format!("{meant}give it with --set region=us-east-1 or --region, or answer `region` again; a region younger than that list needs a newer migrate-wizard")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_one_of_the_list_and_a_slip_is_named() {
        for region in ["us-east-1", "eu-central-2", "ap-southeast-7", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"] {
            assert!(check(region).is_ok(), "{region}");
        }
        for (wrong, meant) in [
            ("us-eats-1", "did you mean us-east-1, US East (N. Virginia)?"),
            ("us-east-9", "did you mean us-east-"),
            ("aws-global", "give it with"),
        ] {
            let error = check(wrong).unwrap_err();
            assert_eq!(error.kind, Kind::Input);
            assert!(error.hint.contains(meant), "{wrong}: {}", error.hint);
        }
        assert!(!check("the moon").unwrap_err().hint.contains("did you mean"));
    }
}
