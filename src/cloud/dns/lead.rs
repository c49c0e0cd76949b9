//! Where a name of a zone shall lead, and the records that AWS accepts for it beside those that are there.
//! Asks nobody: what is there is handed in.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Record, alias, plain};

/// Where a name shall lead.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lead {
    pub name: String,
    /// Such as `TXT`. Empty: what leads somewhere, so `CNAME`, `A` and `AAAA` together.
    #[serde(default)]
    pub kind_of_record: String,
    /// A host name, or addresses parted by commas. Empty: keep what is there and change only the time to live.
    #[serde(default)]
    pub value: String,
    /// The zone of a load balancer's host name: where the name is no CNAME today, it becomes an alias.
    #[serde(default)]
    pub alias_zone: String,
    /// Seconds.
    pub ttl: String,
}

impl Lead {
    /// The records as they shall be. A CNAME stays one; over other records, or none, AWS takes an alias where it refuses a CNAME.
    pub fn wanted(&self, old: &[Record]) -> Vec<Record> {
        let ttl = self.ttl.parse().ok();
        if self.value.is_empty() {
            let lowered = |r: &Record| Record { ttl: if r.alias.is_some() { r.ttl } else { ttl }, ..r.clone() };
            return old.iter().map(lowered).collect();
        }
        let is_cname = old.iter().any(|r| r.kind == "CNAME");
        if self.kind_of_record.is_empty() && !self.alias_zone.is_empty() && !is_cname {
            return vec![alias(&self.name, &self.value, &self.alias_zone)];
        }
        let mut all: Vec<Record> = Vec::new();
        for value in self.value.split(',').map(str::trim) {
            let kind = self.kind_of(value);
            match all.iter_mut().find(|r| r.kind == kind) {
                Some(record) => record.values.push(value.to_owned()),
                None => {
                    let values = vec![value.to_owned()];
                    all.push(Record { name: plain(&self.name), kind: kind.to_owned(), ttl, values, alias: None });
                }
            }
        }
        all
    }

    fn kind_of(&self, value: &str) -> &str {
        match value.parse() {
            _ if !self.kind_of_record.is_empty() => &self.kind_of_record,
            Ok(IpAddr::V4(_)) => "A",
            Ok(IpAddr::V6(_)) => "AAAA",
            Err(_) => "CNAME",
        }
    }

    /// The type, for people; what is there decides it where an alias may be made.
    pub fn kinds(&self) -> &str {
        match self.value.split(',').next() {
            _ if !self.kind_of_record.is_empty() => &self.kind_of_record,
            Some(first) if !first.is_empty() && self.alias_zone.is_empty() => self.kind_of(first.trim()),
            Some("") | None => "CNAME, A or AAAA",
            Some(_) => "CNAME or alias",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(kind: &str, value: &str) -> Record {
        Record { name: "shop.example".into(), kind: kind.into(), ttl: Some(300), values: vec![value.into()], alias: None }
    }

    fn to(value: &str, alias_zone: &str) -> Lead {
        let all = json!({ "name": "Shop.example.", "value": value, "alias_zone": alias_zone, "ttl": "60" });
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn an_alias_leads_to_the_zone_of_its_host() {
        let zone = |host: &str| to(host, "ZELB").wanted(&[record("A", "192.0.2.1")])[0].alias.clone().unwrap().zone_id;
        assert_eq!(zone("shop.us-east-1.elb.amazonaws.com"), "ZELB");
        assert_eq!(zone("d1.cloudfront.net"), "Z2FDTNDATAQYW2");
    }

    #[test]
    fn a_cname_stays_one_and_addresses_are_told_from_host_names() {
        let kinds = |lead: Lead, old: &[Record]| lead.wanted(old).iter().map(|r| r.kind.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(kinds(to("lb.example", "ZELB"), &[record("CNAME", "shop.replit.app")]), "CNAME");
        assert_eq!(kinds(to("lb.example", "ZELB"), &[]), "A");
        assert_eq!(kinds(to("lb.example", ""), &[]), "CNAME");
        assert_eq!(kinds(to("192.0.2.1,2001:db8::1, 192.0.2.2", ""), &[]), "A AAAA");
    }
}
