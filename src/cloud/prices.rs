//! AWS's own price list: the products that fit some attributes, with their on-demand prices.
//! Never chooses between products and never does sums: that is the asker's.

use aws_sdk_pricing::types::{Filter, FilterType};
use serde_json::Value;

use super::fault::fault;
use super::session::Aws;
use crate::error::{Error, Result};

/// The Price List Query API answers in a few regions only, whatever region is asked about.
pub const REGION: &str = "us-east-1";

/// A product with its on-demand prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub sku: String,
    /// `EU-NatGateway-Hours`; empty where it has none.
    pub usage_type: String,
    pub tiers: Vec<Tier>,
}

/// One tier of a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// First unit of the tier.
    pub from: String,
    pub unit: String,
    /// US dollars for one, as decimal text.
    pub usd: String,
    /// Since when, as AWS writes it.
    pub since: String,
}

/// The products of a service whose attributes are all equal to these, every page of them.
pub async fn products(aws: &Aws, service: &str, filters: &[(String, String)]) -> Result<Vec<Product>> {
    let mut wanted = Vec::new();
    for (name, value) in filters {
        let filter = Filter::builder().r#type(FilterType::TermMatch).field(name).value(value).build();
        wanted.push(filter.map_err(|e| Error::bug(format!("a price filter cannot be built: {e}")))?);
    }
    let mut found = Vec::new();
    let mut page = None;
    loop {
        let answer = aws
            .pricing()
            .get_products()
            .service_code(service)
            .set_filters(Some(wanted.clone()))
            .set_next_token(page.take())
            .send()
            .await
            .map_err(|e| fault("pricing:GetProducts", e))?;
        for text in answer.price_list() {
            found.extend(product(text)?);
        }
        page = answer.next_token.filter(|token| !token.is_empty());
        if page.is_none() {
            return Ok(found);
        }
    }
}

/// One entry of the list; `None` when it has no price on demand in dollars.
fn product(text: &str) -> Result<Option<Product>> {
    let entry: Value = serde_json::from_str(text).map_err(|e| {
        Error::new(crate::error::Kind::Failed, "AWS answered with a price that cannot be read")
            .cause(e.to_string())
            .hint("try again; if it stays, use the bundled prices")
    })?;
    let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(described) = entry.get("product") else { return Ok(None) };
    let offers = entry.pointer("/terms/OnDemand").and_then(Value::as_object);
    let tiers: Vec<Tier> = offers
        .into_iter()
        .flat_map(|offers| offers.values())
        .flat_map(|offer| {
            let since = word(offer, "effectiveDate");
            let dimensions = offer.get("priceDimensions").and_then(Value::as_object);
            dimensions.into_iter().flat_map(|all| all.values()).map(move |d| (since.clone(), d))
        })
        .filter_map(|(since, dimension)| {
            let usd = dimension.pointer("/pricePerUnit/USD")?.as_str()?.to_owned();
            Some(Tier { from: word(dimension, "beginRange"), unit: word(dimension, "unit"), usd, since })
        })
        .collect();
    let usage_type = described.pointer("/attributes/usagetype").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((!tiers.is_empty()).then(|| Product { sku: word(described, "sku"), usage_type, tiers }))
}
