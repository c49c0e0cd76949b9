//! `data tunnel`: a port of this machine that leads to the private target, for as long as the command runs.
//! Never listens for anybody but this machine, and never prints a password.

use super::telling::reporter;
use super::{connections, inside, out, worker_stack};
use crate::cli::{RunArgs, TunnelArgs};
use crate::cloud::tunnel;
use crate::error::Result;
use crate::progress::aside;

pub async fn run(args: &RunArgs, what: &TunnelArgs) -> Result<u8> {
    let to = connections::target(args, what.target.target.as_deref(), &what.target.target_env).await?;
    // Before anything costs: without them there is no tunnel.
    tunnel::programs()?;
    let aws = inside::session(args).await?;
    let teller = reporter(args);
    let Some((ground, _)) = worker_stack::ground(args, &aws, &what.place, &teller).await? else { return Ok(0) };
    if args.dry_run {
        out(format!(
            "would start a task of {} in cluster {} and lead 127.0.0.1:{} to {}; nothing was made",
            ground.family(),
            ground.cluster,
            what.port,
            to.label()
        ));
        return Ok(0);
    }
    let work = async {
        let mut open = tunnel::open(&aws, &ground, to.host(), to.port(), what.port, args.aws_profile.as_deref(), &teller).await?;
        out(format!(
            "127.0.0.1:{} leads to {}:{}; the host name stays, so that its certificate is checked:\n  psql \"host={} hostaddr=127.0.0.1 port={} dbname={} user={} sslmode=verify-full\"\nCtrl-C closes it",
            open.port,
            to.host(),
            to.port(),
            to.host(),
            open.port,
            to.database(),
            to.user()
        ));
        open.ended().await;
        Ok::<_, crate::error::Error>(())
    };
    tokio::select! {
        done = work => done?,
        () = inside::ended() => {
            aside(format_args!("closed: the task is stopped"));
            return Ok(0);
        }
    }
    aside(format_args!("the session ended by itself: the task is stopped. Next: the same command opens it again"));
    Ok(1)
}
