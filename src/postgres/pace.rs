//! How many connections may be opened in a second; a connector and its clones share one.
//! Never lets a burst through: each opening has a slot of its own, and slots lie at least one gap apart.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// At most so many openings a second.
#[derive(Debug, Clone)]
pub struct Pace {
    gap: Duration,
    /// The next slot that is free.
    next: Arc<Mutex<Instant>>,
}

impl Pace {
    /// 0 counts as 1.
    pub fn per_second(openings: u32) -> Self {
        Self { gap: Duration::from_secs(1) / openings.max(1), next: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Takes the next slot and waits for it. A slot whose taker gives up stays empty.
    pub async fn slot(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let at = (*next).max(Instant::now());
            *next = at + self.gap;
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

/// Two are the same when they are as fast, shared or not.
impl PartialEq for Pace {
    fn eq(&self, other: &Self) -> bool {
        self.gap == other.gap
    }
}

impl Eq for Pace {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clones_share_their_slots() {
        let pace = Pace::per_second(20);
        let start = Instant::now();
        let all: Vec<_> = (0..10).map(|_| pace.clone()).map(|pace| tokio::spawn(async move { pace.slot().await })).collect();
        for slot in all {
            slot.await.unwrap();
        }
        assert!(start.elapsed() >= Duration::from_millis(450), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn time_without_openings_is_not_saved_up() {
        let pace = Pace::per_second(100);
        tokio::time::sleep(Duration::from_millis(60)).await;
        let start = Instant::now();
        for _ in 0..4 {
            pace.slot().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(30), "{:?}", start.elapsed());
    }
}
