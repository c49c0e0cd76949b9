//! `worker`: chunks from the ledger until none is left; and `worker --do`, one verb of a wizard's effect inside the VPC.
//! No domain knowledge here: what is done is the effect's own.

use serde_json::json;

use super::telling::{out_event, reporter};
use super::{connections, data};
use crate::cli::{DoArg, RunArgs, WorkerArgs};
use crate::effects::{self, Order, Setup, World};
use crate::error::{Context as _, Error, Kind, Result};
use crate::wizard::effect::{Context, Probe};
use crate::wizard::journal::{Entry, FORMAT, Record};
use crate::wizard::state::State;
use crate::wizard::template::Facts;
use crate::wizard::view::Mode;

/// The longest that a tunnel's task is there.
const HOLD: std::time::Duration = std::time::Duration::from_secs(8 * 3600);

pub async fn worker(args: &RunArgs, what: &WorkerArgs) -> Result<u8> {
    match what.what {
        None => data::worker(args, &what.copy).await,
        Some(verb) => act(args, verb).await,
    }
}

/// Prints `{"event":"outcome", …}` as its last line: `probe`, or the outputs.
async fn act(args: &RunArgs, verb: DoArg) -> Result<u8> {
    if verb == DoArg::Hold {
        // Whoever started it stops it; this is for the one that never came to it.
        tokio::select! {
            () = tokio::time::sleep(HOLD) => {}
            () = super::inside::ended() => {}
        }
        return Ok(0);
    }
    let text = std::env::var(effects::ORDER).map_err(|_| {
        Error::new(Kind::Usage, format!("{} is not set", effects::ORDER)).hint("`worker --do` is started by the wizard, inside the VPC")
    })?;
    let order: Order = serde_json::from_str(&text).or_fail(
        Kind::Input,
        format!("{} is not understood", effects::ORDER),
        "use an image of the wizard's own version",
    )?;
    let mut args = args.clone();
    args.confirm.extend(order.agreed.iter().cloned());
    let args = &args;
    let world = world(args, &order).await?;
    let effect = effects::registry().build(&order.kind, order.fields)?;
    let cx = Context { token: order.token, reporter: reporter(args), before: order.before };
    let outcome = match verb {
        DoArg::Probe => match effect.probe(&world).await? {
            Probe::Absent => json!({ "probe": "absent" }),
            Probe::Present(outputs) => json!({ "probe": "present", "outputs": outputs }),
            Probe::Conflict(why) => json!({ "probe": "conflict", "why": why }),
        },
        DoArg::Before => json!({ "outputs": effect.before(&world).await? }),
        DoArg::Apply => json!({ "outputs": effect.apply(&world, &cx).await? }),
        DoArg::Undo => {
            effect.undo(&world, &cx, &order.outputs).await?;
            json!({ "outputs": effects::left_behind(&world) })
        }
        DoArg::Hold => json!({}),
    };
    drop(cx);
    out_event("outcome", &outcome)?;
    Ok(0)
}

/// A live world in a folder of its own; its databases are what the task was given, or what the effect names.
async fn world(args: &RunArgs, order: &Order) -> Result<World> {
    let opened = Entry::Opened {
        format: FORMAT,
        run: order.run.clone(),
        journey: "move".into(),
        mode: Mode::Live,
        sandbox: false,
        tool: env!("CARGO_PKG_VERSION").into(),
        facts: Facts::new(),
    };
    let state = State::replay([&Record { n: 1, at: String::new(), sum: String::new(), what: opened }])?;
    let folder = std::env::temp_dir().join(format!("migrate-wizard-{}", order.run));
    std::fs::create_dir_all(&folder).or_fail(Kind::Failed, format!("cannot make {}", folder.display()), "check TMPDIR")?;
    let target = match std::env::var_os("TARGET_DATABASE_URL").filter(|url| !url.is_empty()) {
        Some(_) => Some(connections::target(args, None, "TARGET_DATABASE_URL").await?),
        None => None,
    };
    World::open(args, &folder, &state, Setup { target, ..Setup::default() }).await
}
