//! What the way in costs: load balancer, names, firewall, CDN.
//! Never the public addresses (in `network`); certificates of ACM cost nothing and have no line.

use super::{Bill, Layer, all_month};
use crate::decide::money::Quantity;

/// Rules of the `managed` firewall: two managed groups (common threats, known bad inputs) and a limit of requests for each address.
const RULES: u64 = 3;

pub(super) fn write(bill: &mut Bill<'_>) {
    bill.fixed(Layer::Edge, "alb.hour", all_month(1), "application load balancer");
    let one = bill.prices.get("alb.lcu").and_then(|unit| unit.price.times(all_month(1)));
    bill.usage(
        Layer::Edge,
        "alb.lcu",
        "load balancer capacity (LCU)",
        &one.map_or_else(String::new, |month| format!("one LCU all month is {month}")),
    );
    names(bill);
    match bill.choice("waf") {
        "none" | "" => {}
        "managed" => {
            bill.fixed(Layer::Edge, "waf.acl", Quantity::whole(1), "WAF web ACL");
            bill.fixed(
                Layer::Edge,
                "waf.rule",
                Quantity::whole(RULES),
                "WAF rules: two managed groups, a limit of requests for each address",
            );
            bill.usage(Layer::Edge, "waf.request", "WAF requests", "");
        }
        other => bill.unknown("waf", other),
    }
    match bill.choice("cdn") {
        "none" | "" => {}
        "cloudfront" => {
            bill.usage(Layer::Edge, "cloudfront.gb", "CloudFront data out (US, EU)", "the always-free allowance is not counted")
        }
        other => bill.unknown("cdn", other),
    }
}

fn names(bill: &mut Bill<'_>) {
    match bill.choice("domain") {
        "none" | "" => {}
        "route53" => {
            bill.fixed(Layer::Edge, "route53.zone", Quantity::whole(1), "Route 53 hosted zone");
            bill.usage(Layer::Edge, "route53.query", "Route 53 queries", "alias queries to AWS targets are free");
        }
        "other_account" => bill.notes.push("the hosted zone is billed to the other account".to_owned()),
        "external" => bill.notes.push("the domain's DNS is billed by its own provider".to_owned()),
        other => bill.unknown("domain", other),
    }
    if bill.services() > 1 && bill.choice("compute") == "fargate" {
        bill.fixed(Layer::Edge, "route53.zone", Quantity::whole(1), "private hosted zone of service discovery");
    }
}
