//! Effects: one file each; the only place where the wizard meets the world.
//! Glue only: they decide nothing and compute nothing; that is in the rooms of the domain.

mod app_role;
pub mod app_secrets;
mod assessment;
mod check_aws;
mod content;
mod cost;
mod decision_records;
mod dns;
mod door;
pub mod dsql_login;
pub mod environment;
mod files;
mod find_running;
mod find_system;
mod freeze;
mod freeze_rights;
mod going_back;
mod image;
mod inside;
mod inspect_source;
mod last_good;
mod ledger;
mod maintenance;
mod nothing_temporary;
mod preconditions;
mod record;
mod redeploy;
mod remove_system;
mod repair_stack;
mod resolves;
mod restore;
mod restore_points;
mod retire_role;
mod revise;
mod rotate_secret;
mod rotation_schedule;
mod rows;
mod scan_app;
mod schema;
mod schema_review;
mod secret;
mod secret_readers;
mod secret_version;
mod sequences;
mod service;
mod service_back;
mod service_plan;
mod simulate;
mod snapshot;
mod stack;
mod stillness;
mod target_ref;
mod task;
pub mod users;
mod verify;
mod wait;
mod watch;
mod watch_metrics;
mod way_back;
mod way_back_check;
mod worker_image;
mod world;

use std::path::Path;

use serde_json::{Value, json};

pub use check_aws::{Foresight, wanted_of};
pub use cost::{Costs, OWN_PRICES, questions, today};
pub use going_back::GoingBack;
pub use image::{make as make_image, tag as image_tag};
pub use inside::{ORDER, Order};
pub use preconditions::Rehearsal;
pub use scan_app::foretold as scan_foretold;
pub use stack::{of_system, template_file};
pub use target_ref::TargetRef;
pub use wait::{Moment, moment};
pub use way_back::{FILE as WAY_BACK, left_behind};
pub use worker_image::worker_image;
pub use world::{AWS_SIMULATED, DISPOSABLE_SOURCE, REAL_NETWORK, Setup, World, no_endpoint};

use crate::error::{Context, Kind, Result};
use crate::library::Library;
use crate::own_folder;
use crate::wizard::effect::{KindOf, Registry};
use crate::wizard::plan::Books;
use crate::wizard::playbook;
use crate::wizard::template::Facts;

/// All effect kinds, in the order of a journey.
pub fn registry() -> Registry<World> {
    let kind = |name, about, build| KindOf { name, about, build };
    Registry(vec![
        kind("simulate", "pretends, with progress; touches only the run's folder", simulate::build),
        kind("scan_app", "reads the app's files", scan_app::build),
        kind("assessment", "what was understood of the app, put on show", assessment::build),
        kind("inspect_source", "reads the source database's facts", inspect_source::build),
        kind("decision_records", "writes the decisions down", decision_records::build),
        kind("check_aws", "account, region, quotas, names, domain, rights", check_aws::build),
        kind("service_plan", "the services answer as facts", service_plan::build),
        kind("stack", "a CloudFormation stack", stack::build),
        kind("find_system", "what AWS says is there of one system", find_system::build),
        kind("remove_system", "takes all stacks, secrets and images of a system away", remove_system::build),
        kind("repair_stack", "takes a stack back to its last good state", repair_stack::build),
        kind("secret", "a value in Secrets Manager", secret::build),
        kind("app_secrets", "every secret that the app's code reads", app_secrets::build),
        kind("environment", "which variables and secrets a service gets", environment::build),
        kind("rotation_schedule", "how often AWS renews a secret that it manages", rotation_schedule::build),
        kind("secret_readers", "which services read a secret, and how it is renewed", secret_readers::build),
        kind("rotate_secret", "a new version of a secret", rotate_secret::build),
        kind("redeploy", "new tasks of an ECS service", redeploy::build),
        kind("retire_role", "a database role may no longer log in", retire_role::build),
        kind("files", "container, pipeline and checklist files", files::build),
        kind("image", "builds and pushes an image", image::build),
        kind("schema", "converts and applies the schema", |fields| inside::wrap("schema", fields, schema::build)),
        kind("rows", "copies rows; again: only what differs", |fields| inside::wrap("rows", fields, rows::build)),
        kind("app_role", "the app's own database role, its URL in Secrets Manager", |fields| {
            inside::wrap("app_role", fields, app_role::build)
        }),
        kind("sequences", "sets sequences past the largest key", |fields| inside::wrap("sequences", fields, sequences::build)),
        kind("verify", "compares rows and fingerprints", |fields| inside::wrap("verify", fields, verify::build)),
        kind("way_back_check", "whether the way back that was chosen can be gone", way_back_check::build),
        kind("way_back", "what becomes of rows written on AWS when one goes back", |fields| {
            inside::wrap(way_back::KIND, fields, way_back::build)
        }),
        kind("users", "an account in the user pool for everybody in the app's table of users", users::build),
        kind("snapshot", "a snapshot of the target", snapshot::build),
        kind("freeze_rights", "in which ways the source can be frozen", freeze_rights::build),
        kind("maintenance", "the old app no longer takes requests, seen from outside", maintenance::build),
        kind("freeze", "the source takes no more writes", freeze::build),
        kind("stillness", "nothing wrote to the source since the freeze", stillness::build),
        kind("service", "an ECS service's image and tasks", service::build),
        kind("task", "a one-off task with a service's image, once: migrations", task::build),
        kind("record", "what a name answers today, and for how long", record::build),
        kind("door", "the load balancer's listeners, closed to all but our looks, or open", door::build),
        kind("content", "the app's pages as a visitor gets them", content::build),
        kind("dns", "a Route 53 record", dns::build),
        kind("resolves", "a host name leads where it should", resolves::build),
        kind("preconditions", "what must hold before the source is frozen", preconditions::build),
        kind("wait", "waits for the day and hour that was chosen", wait::build),
        kind("ledger", "drops the mover's ledger from the target", |fields| inside::wrap("ledger", fields, ledger::build)),
        kind("find_running", "what runs of one system, and which database it has", find_running::build),
        kind("last_good", "which revision of a service was good before", last_good::build),
        kind("service_back", "puts a service back on an earlier revision", service_back::build),
        kind("restore_points", "what a database can be put back to", restore_points::build),
        kind("restore", "another database, made of what one was", restore::build),
        kind("secret_version", "another version of a secret becomes current", secret_version::build),
        kind("revise", "another value for plain variables of a service", revise::build),
        kind("nothing_temporary", "the list of what was made for a while is empty", nothing_temporary::build),
        kind("watch", "error rate, p95, healthy targets and connections, against the triggers of a roll back", watch::build),
    ])
}

/// Checks a journey's playbooks against the effects that there are.
pub fn check_books(library: &Library, books: &Books) -> Result<()> {
    let registry = registry();
    let build = |kind: &str, fields: Value| -> Result<Facts> { Ok(registry.build(kind, fields)?.example()) };
    let given = Facts::from([
        ("run.id".into(), json!("check")),
        ("run.app".into(), json!("app")),
        ("run.sandbox".into(), json!("no")),
        ("run.date".into(), json!("2026-01-01")),
        ("answers".into(), json!({})),
    ]);
    let all: Vec<_> = books.forward.iter().chain(&books.rollback).cloned().collect();
    playbook::check(&all, &library.texts, &given, &build)
}

/// Writes files below a folder, each whole or not at all.
fn write_files(folder: &Path, files: &[(String, String)]) -> Result<()> {
    for (name, contents) in files {
        let path = folder.join(name);
        let what = format!("cannot write {}", path.display());
        let hint = "check that the run's folder can be written to and the disk is not full";
        if let Some(parent) = path.parent() {
            own_folder::make(parent).or_fail(Kind::Failed, &what, hint)?;
        }
        let partial = path.with_extension("partial");
        std::fs::write(&partial, contents).and_then(|()| std::fs::rename(&partial, &path)).or_fail(Kind::Failed, &what, hint)?;
    }
    Ok(())
}
