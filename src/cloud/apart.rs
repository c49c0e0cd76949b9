//! Work on AWS that is done although its caller was dropped: by an interrupt, an error or a panic.
//! Never waits longer than half a minute: what is left then is found again by the next start.

use std::time::Duration;

use super::session::Aws;

const WITHIN: Duration = Duration::from_secs(30);

/// Runs `work` to its end on a thread and connections of its own, and waits for it. For `Drop`, where nothing can be awaited.
pub fn now<F: Future<Output = ()>>(aws: &Aws, work: impl FnOnce(Aws) -> F + Send + 'static) {
    let aws = aws.apart();
    let thread = std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            // Too late is no error: whoever comes next takes it up.
            let _late = runtime.block_on(async { tokio::time::timeout(WITHIN, work(aws)).await });
        }
    });
    let _panicked = thread.join();
}
