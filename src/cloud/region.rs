//! Regions of AWS, from dated lists: a name that is not one is refused offline, with the one that was probably meant; and which services
//! that an app calls itself have an endpoint there. Never asks the network; which types of resource a region has is `preflight::rights`'.

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
    services: Services,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Services {
    as_of: String,
    source: String,
    /// Service, as IAM writes it, and the regions that have it.
    endpoints: BTreeMap<String, Vec<String>>,
}

/// What the list says of a service that an app calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    Listed,
    /// Not in the list of that date, which does not say that it is not there: date and source.
    NotListed(String),
    /// A service that we have no list of.
    Unknown,
}

fn lists() -> Result<Regions> {
    toml::from_str(LIST).map_err(|e| Error::bug(format!("assets/regions.toml: {e}")))
}

/// Whether a region has the service, which is named as IAM names it: `bedrock`.
pub fn offers(region: &str, service: &str) -> Result<Offer> {
    let services = lists()?.services;
    Ok(match services.endpoints.get(service) {
        None => Offer::Unknown,
        Some(regions) if regions.iter().any(|r| r == region) => Offer::Listed,
        Some(_) => Offer::NotListed(format!("{}, {}", services.as_of, services.source)),
    })
}

/// Errors with [`Kind::Input`] if no region is called so.
pub fn check(name: &str) -> Result<()> {
    let known = lists()?;
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

    #[test]
    fn a_service_that_is_not_listed_is_not_said_to_be_missing() {
        assert_eq!(offers("us-east-1", "bedrock").unwrap(), Offer::Listed);
        assert!(matches!(offers("us-gov-east-1", "polly").unwrap(), Offer::NotListed(why) if why.contains("botocore")));
        assert_eq!(offers("us-east-1", "nosuch").unwrap(), Offer::Unknown);
    }
}
