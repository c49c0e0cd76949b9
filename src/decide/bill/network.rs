//! What the network costs: NAT gateways, public addresses, traffic.
//! Never the load balancer's own hours; those are in `edge`.

use super::{Bill, Layer, all_month, compute};
use crate::decide::money::Quantity;

/// Zones the load balancer stands in; each gives it one public address.
const BALANCER_ZONES: u64 = 2;

pub(super) fn write(bill: &mut Bill<'_>) {
    let nat = bill.choice("nat");
    let gateways = match nat {
        "none" | "" => 0,
        "one" => 1,
        "per_az" => 2,
        other => {
            bill.unknown("nat", other);
            0
        }
    };
    if gateways > 0 {
        bill.fixed(Layer::Network, "nat.hour", all_month(gateways), format!("NAT gateway, {gateways} of them"));
        bill.usage(Layer::Network, "nat.gb", "NAT gateway data", "in and out, on top of the transfer itself");
    } else {
        bill.fixed(Layer::Network, "nat.gb", Quantity::default(), "NAT gateway data: none without a NAT gateway");
    }
    let public = if nat == "none" { compute::running(bill) } else { 0 };
    let mut owners = vec![format!("{BALANCER_ZONES} of the load balancer")];
    if gateways > 0 {
        owners.push(format!("{gateways} of NAT"));
    }
    if public > 0 {
        owners.push(format!("{public} of tasks or instances in public subnets"));
    }
    bill.fixed(
        Layer::Network,
        "ipv4",
        all_month(BALANCER_ZONES + gateways + public),
        format!("public IPv4 addresses: {}", owners.join(", ")),
    );
    bill.usage(Layer::Network, "transfer.out", "data transfer out to the internet", "the free allowance of the account is not counted");
    bill.usage(Layer::Network, "transfer.zone", "data transfer between zones", "each way");
}
