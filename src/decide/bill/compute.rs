//! What running the app costs: Fargate tasks or an EC2 instance with its disk.
//! Never guesses a Spot price: it floats daily and is named as unpriced.

use super::{Bill, HOURS, Layer, all_month};
use crate::decide::money::Quantity;

/// Root disk of an EC2 instance, in GB.
const DISK_GB: u64 = 20;

pub(super) fn write(bill: &mut Bill<'_>) {
    match bill.choice("compute") {
        "fargate" => fargate(bill),
        "ec2" => ec2(bill),
        other => bill.unknown("compute", other),
    }
    if bill.moves_inside() {
        let architecture = if bill.choice("compute") == "fargate" { bill.choice("architecture") } else { "x86_64" };
        let vcpu = format!("fargate.{architecture}.vcpu");
        bill.usage(Layer::Compute, &vcpu, "Fargate tasks of the mover", "1 vCPU and 2 GiB each, only while schema and rows move");
    }
}

/// Tasks or instances that always run.
pub(super) fn running(bill: &mut Bill<'_>) -> u64 {
    match bill.choice("compute") {
        "fargate" => bill.services() * bill.number("tasks_min"),
        "ec2" => bill.services(),
        _ => 0,
    }
}

fn fargate(bill: &mut Bill<'_>) {
    let size = bill.choice("task_size");
    let Some((cpu, memory)) = units(size) else { return bill.unknown("task_size", size) };
    let tasks = running(bill);
    let most = bill.number("tasks_max").saturating_mul(bill.services());
    match bill.choice("capacity") {
        "on_demand" => {}
        "spot" => {
            return bill.unpriced(format!(
                "Fargate Spot, {tasks} × {size}: the price floats daily (up to 70 % below on demand) and is in no price list"
            ));
        }
        other => return bill.unknown("capacity", other),
    }
    let architecture = bill.choice("architecture");
    let (vcpu, gigabyte) = (format!("fargate.{architecture}.vcpu"), format!("fargate.{architecture}.gb"));
    bill.fixed(Layer::Compute, &vcpu, hours(cpu).by(tasks), format!("Fargate vCPU, {architecture}: {tasks} × {cpu}/1024"));
    bill.fixed(Layer::Compute, &gigabyte, hours(memory).by(tasks), format!("Fargate memory, {architecture}: {tasks} × {memory} MiB"));
    if most > tasks {
        let each = [(&vcpu, cpu), (&gigabyte, memory)]
            .into_iter()
            .filter_map(|(id, amount)| bill.prices.get(id)?.price.times(hours(amount)))
            .sum::<crate::decide::Money>();
        bill.usage(
            Layer::Compute,
            &vcpu,
            format!("further Fargate tasks, up to {most} in all"),
            &format!("with memory {each} a month for each task that runs all month"),
        );
    }
}

/// `512-1024` → CPU units of 1/1024 vCPU, MiB.
fn units(size: &str) -> Option<(u64, u64)> {
    let (cpu, memory) = size.split_once('-')?;
    Some((cpu.parse().ok()?, memory.parse().ok()?))
}

/// Hours a month of `amount`/1024 of a unit.
fn hours(amount: u64) -> Quantity {
    Quantity::thousandths(i64::try_from(amount.saturating_mul(HOURS * 1_000) / 1_024).unwrap_or(i64::MAX))
}

fn ec2(bill: &mut Bill<'_>) {
    let size = bill.choice("ec2_size");
    // each service stands on a machine of its own
    let machines = bill.services();
    if !size.is_empty() {
        bill.fixed(Layer::Compute, &format!("ec2.{size}"), all_month(machines), format!("EC2 instance {size}, Linux, {machines} of them"));
    }
    let disks = Quantity::whole(DISK_GB).by(machines);
    bill.fixed(Layer::Compute, "ebs.gp3", disks, format!("root disk gp3, {DISK_GB} GB, {machines} of them"));
}
