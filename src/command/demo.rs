//! `demo`: the sample app and its database moved in a sandbox, from end to end.
//! Only sets the stage: the run itself is an ordinary sandbox run.

use std::path::{Path, PathBuf};

use super::out;
use super::run;
use crate::cli::{DemoArgs, RunArgs};
use crate::effects::{DISPOSABLE_SOURCE, Setup};
use crate::error::{Error, Kind, Result};
use crate::library;
use crate::postgres::freeze::{self, How};
use crate::postgres::local::{LocalServer, Options};
use crate::postgres::{Access, Connector};
use crate::wizard::state::{End, State};
use crate::wizard::view::Mode;

/// Where the demo's app lives: the folder named, or one of its own.
fn stage(args: &RunArgs) -> PathBuf {
    if args.dir.as_os_str() == "." { std::env::temp_dir().join("migrate-wizard-demo").join("app") } else { args.dir.clone() }
}

pub async fn run(args: &RunArgs, demo: &DemoArgs) -> Result<u8> {
    let dir = stage(args);
    library::write_sample(&dir)?;
    let folder = source_folder(&dir);
    out(format!("the sample app is in {}; starting its database", dir.display()));
    let filled = async {
        let server = LocalServer::start(&folder, &options()).await?;
        seed(&server.connector(), demo.scale).await.map(|()| server)
    };
    let filled = tokio::select! {
        biased;
        () = super::inside::ended() => Err(Error::new(Kind::Interrupted, "stopped while the sample database was made")
            .hint("run the same command again: it goes on from here")),
        filled = filled => filled,
    };
    match filled {
        Ok(server) => {
            let result = play(args, dir, server.connector()).await;
            server.stop().await?;
            result
        }
        Err(error) => {
            if let Some(server) = LocalServer::attach(&folder, "app").await? {
                server.stop().await?;
            }
            Err(error)
        }
    }
}

fn options() -> Options {
    Options { database: "app".to_owned(), ..Options::default() }
}

/// The source's folder, beside the app's.
fn source_folder(app: &Path) -> PathBuf {
    let app = app.canonicalize().unwrap_or_else(|_| app.to_owned());
    let name = app.file_name().map_or_else(|| "app".into(), |n| n.to_string_lossy());
    app.with_file_name(format!("{name}-source"))
}

/// The source of a run that a demo began, started again for whoever goes on with the run or undoes it. `None` when no demo began
/// it or its source is gone.
pub async fn source(app: &Path, state: &State) -> Result<Option<LocalServer>> {
    let folder = source_folder(app);
    let staged = state.sandbox && state.given.contains_key(DISPOSABLE_SOURCE) && folder.join("data").is_dir();
    if staged { LocalServer::start(&folder, &options()).await.map(Some) } else { Ok(None) }
}

async fn play(args: &RunArgs, dir: PathBuf, source: Connector) -> Result<u8> {
    let mut args = args.clone();
    args.dir = dir;
    args.sandbox = true;
    args.dry_run = false;
    args.profile.get_or_insert_with(|| "grievance-portal".to_owned());
    // A demo that came to its end begins anew; one that was interrupted goes on.
    let flavour = crate::runs::Flavour { journey: "move", mode: Mode::Live, sandbox: true };
    let ended = crate::runs::newest(&args.dir, flavour)?.is_none_or(|found| found.state.ended.is_some());
    if ended {
        args.new = true;
        // The demo before left its source frozen, as a cutover does.
        let session = source.connect(Access::ReadWrite).await?;
        for how in How::ALL {
            freeze::thaw(&session, how, &[]).await?;
        }
    }
    let code = run::open(&args, flavour, None, Setup { source: Some(source), disposable_source: true, ..Setup::default() }).await?;
    if run::face(&args) == run::Face::Screen {
        show_report(&args.dir, flavour)?;
    }
    Ok(code)
}

/// Opens the finished run's report in a browser where there is a screen to show it on.
fn show_report(dir: &Path, flavour: crate::runs::Flavour) -> Result<()> {
    let Some(found) = crate::runs::newest(dir, flavour)?.filter(|f| f.state.ended == Some(End::Finished)) else { return Ok(()) };
    let Some(report) = super::report::written(&found.dir) else { return Ok(()) };
    let opener = if cfg!(target_os = "macos") {
        Some("open")
    } else {
        std::env::var_os("DISPLAY").or_else(|| std::env::var_os("WAYLAND_DISPLAY")).map(|_| "xdg-open")
    };
    if let Some(opener) = opener {
        // Where no browser is there the path above has to do.
        let _no_browser =
            std::process::Command::new(opener).arg(report).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn();
    }
    Ok(())
}

/// Fills the source once; a filled one is left alone.
async fn seed(source: &Connector, scale: u32) -> Result<()> {
    let session = source.connect(Access::ReadWrite).await?;
    // A killed demo's server may still be filling it: wait for what comes of that.
    session.batch("select pg_advisory_lock(7251964)").await?;
    let there: bool = session.value("select to_regclass('public.grievances') is not null", &[]).await?;
    if there {
        return Ok(());
    }
    out("filling it (365,067 rows at full scale)");
    let text = library::sample_file("seed.sql")?;
    let sql: String =
        text.lines().filter(|l| !l.trim_start().starts_with('\\')).collect::<Vec<_>>().join("\n").replace(":scale", &scale.to_string());
    session.batch(&sql).await.map_err(|e| {
        Error::new(Kind::Failed, "the sample database cannot be filled")
            .because(&e)
            .hint("run the same command again; the filling is one transaction")
    })
}
