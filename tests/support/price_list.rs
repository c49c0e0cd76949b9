//! A scripted stand-in for the one call `pricing:GetProducts` of AWS's Price List Query API, which the emulator does not have. Its answers
//! have the form, the attributes and the neighbours of the real list (public extracts of eu-west-1, 2026-10); it knows a few lines only.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A running stand-in; its thread ends with the process.
pub struct PriceList {
    port: u16,
    /// What it was asked: the service and its filters.
    pub asked: Arc<Mutex<Vec<String>>>,
}

/// Service, attributes, then (first unit, unit, dollars) of each tier.
type Row = (&'static str, &'static [(&'static str, &'static str)], &'static [(&'static str, &'static str, &'static str)]);

const EU: (&str, &str) = ("regionCode", "eu-west-1");

const ROWS: &[Row] = &[
    ("AmazonECS", &[EU, ("usagetype", "EU-Fargate-vCPU-Hours:perCPU")], &[("0", "hours", "0.0404800000")]),
    ("AmazonECS", &[EU, ("usagetype", "EU-Fargate-ARM-vCPU-Hours:perCPU")], &[("0", "hours", "0.0323800000")]),
    ("AmazonECS", &[EU, ("usagetype", "EU-Fargate-Windows-GB-Hours")], &[("0", "hours", "0.0089000000")]),
    ("AmazonECS", &[EU, ("usagetype", "EU-Fargate-GB-Hours")], &[("0", "hours", "0.0044450000")]),
    ("AmazonEC2", &[EU, ("productFamily", "NAT Gateway"), ("usagetype", "EU-RegionalNatGateway-Hours")], &[("0", "Hrs", "0.0960000000")]),
    ("AmazonEC2", &[EU, ("productFamily", "NAT Gateway"), ("usagetype", "EU-NatGateway-Hours")], &[("0", "Hrs", "0.0480000000")]),
    ("AmazonEC2", &[EU, ("productFamily", "NAT Gateway"), ("usagetype", "EU-NatGateway-Bytes")], &[("0", "GB", "0.0480000000")]),
    ("AmazonVPC", &[EU, ("usagetype", "EU-PublicIPv4:IdleAddress")], &[("0", "Hrs", "0.0050000000")]),
    ("AmazonVPC", &[EU, ("usagetype", "EU-PublicIPv4:InUseAddress")], &[("0", "Hrs", "0.0050000000")]),
    (
        "AWSELB",
        &[EU, ("productFamily", "Load Balancer-Application"), ("usagetype", "EU-Outposts-LCUUsage")],
        &[("0", "LCU-Hrs", "0.0000000000")],
    ),
    ("AWSELB", &[EU, ("productFamily", "Load Balancer-Application"), ("usagetype", "EU-LCUUsage")], &[("0", "LCU-Hrs", "0.0080000000")]),
    (
        "AWSELB",
        &[EU, ("productFamily", "Load Balancer-Application"), ("usagetype", "EU-LoadBalancerUsage")],
        &[("0", "Hrs", "0.0252000000")],
    ),
    ("AWSELB", &[EU, ("productFamily", "Load Balancer-Network"), ("usagetype", "EU-LoadBalancerUsage")], &[("0", "Hrs", "0.0990000000")]),
    (
        "AmazonRDS",
        &[
            EU,
            ("productFamily", "Database Instance"),
            ("instanceType", "db.t3.micro"),
            ("databaseEngine", "MySQL"),
            ("deploymentOption", "Single-AZ"),
            ("usagetype", "EU-InstanceUsage:db.t3.micro"),
        ],
        &[("0", "Hrs", "0.0180000000")],
    ),
    (
        "AmazonRDS",
        &[
            EU,
            ("productFamily", "Database Instance"),
            ("instanceType", "db.t3.micro"),
            ("databaseEngine", "PostgreSQL"),
            ("deploymentOption", "Single-AZ"),
            ("usagetype", "EU-InstanceUsage:db.t3.micro"),
        ],
        &[("0", "Hrs", "0.0200000000")],
    ),
    (
        "AWSDataTransfer",
        &[("fromRegionCode", "eu-west-1"), ("transferType", "AWS Outbound"), ("usagetype", "EU-DataTransfer-Out-Bytes")],
        &[("10240", "GB", "0.0850000000"), ("0", "GB", "0.0900000000")],
    ),
    ("AmazonS3", &[EU, ("group", "S3-API-Tier1"), ("usagetype", "EU-Requests-Tier1")], &[("0", "Requests", "0.0000050000")]),
    ("AmazonCloudWatch", &[EU, ("usagetype", "EU-CW:AlarmMonitorUsage")], &[("0", "Alarms", "0.1000000000")]),
    ("AmazonRoute53", &[("usagetype", "HostedZone")], &[("0", "HostedZone", "0.5000000000"), ("25", "HostedZone", "0.1000000000")]),
];

impl PriceList {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let heard = Arc::clone(&heard);
                std::thread::spawn(move || serve(stream, &heard));
            }
        });
        Self { port, asked }
    }

    /// What the AWS SDK reads.
    pub fn env(&self) -> Vec<(String, String)> {
        let url = format!("http://127.0.0.1:{}", self.port);
        [("AWS_ENDPOINT_URL", url.as_str()), ("AWS_ACCESS_KEY_ID", "sandbox"), ("AWS_SECRET_ACCESS_KEY", "sandbox")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .to_vec()
    }
}

fn serve(stream: TcpStream, heard: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let (mut length, mut target, mut line) = (0, String::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.trim().to_ascii_lowercase();
            if lower.is_empty() {
                break;
            }
            if let Some(n) = lower.strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
            if let Some(name) = lower.strip_prefix("x-amz-target:") {
                target = name.trim().to_owned();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        assert_eq!(target, "awspricelistservice.getproducts");
        let answer = answer(&serde_json::from_slice(&body).unwrap(), heard).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n", answer.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(answer.as_bytes())).is_err() {
            return;
        }
    }
}

/// What fits, two products to a page.
fn answer(question: &Value, heard: &Mutex<Vec<String>>) -> Value {
    let service = question["ServiceCode"].as_str().unwrap();
    let filters: Vec<(&str, &str)> =
        question["Filters"].as_array().unwrap().iter().map(|f| (f["Field"].as_str().unwrap(), f["Value"].as_str().unwrap())).collect();
    heard.lock().unwrap().push(format!("{service} {filters:?}"));
    let fits = |row: &&Row| row.0 == service && filters.iter().all(|filter| row.1.contains(filter));
    let all: Vec<String> = ROWS.iter().filter(fits).enumerate().map(|(i, row)| entry(i, row).to_string()).collect();
    let from: usize = question["NextToken"].as_str().unwrap_or("0").parse().unwrap();
    let page: Vec<&String> = all.iter().skip(from).take(2).collect();
    let mut answer = json!({ "FormatVersion": "aws_v1", "PriceList": page });
    if from + 2 < all.len() {
        answer["NextToken"] = json!((from + 2).to_string());
    }
    answer
}

fn entry(i: usize, (service, attributes, tiers): &Row) -> Value {
    let sku = format!("SKU{i}");
    let offer = format!("{sku}.JRTCKXETXF");
    let dimensions: serde_json::Map<String, Value> = tiers
        .iter()
        .enumerate()
        .map(|(n, (from, unit, usd))| {
            let code = format!("{offer}.{n}");
            (code.clone(), json!({ "rateCode": code, "beginRange": from, "endRange": "Inf", "unit": unit, "description": "", "appliesTo": [], "pricePerUnit": { "USD": usd } }))
        })
        .collect();
    let attributes: serde_json::Map<String, Value> = attributes.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    json!({
        "product": { "productFamily": attributes.get("productFamily"), "sku": sku, "attributes": attributes },
        "serviceCode": service,
        "terms": {
            "OnDemand": { (offer.clone()): { "sku": sku, "offerTermCode": "JRTCKXETXF", "effectiveDate": "2026-09-01T00:00:00Z", "termAttributes": {}, "priceDimensions": dimensions } },
            "Reserved": { "other": { "priceDimensions": { "r": { "unit": "Hrs", "pricePerUnit": { "USD": "0.0010000000" } } } } }
        },
        "version": "20260911124425", "publicationDate": "2026-09-11T12:44:25Z"
    })
}
