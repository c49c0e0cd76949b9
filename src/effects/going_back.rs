//! How long a roll back takes: a question that an effect may ask, and that only a command can answer.
//! Knows nothing of runs: the answer is handed in.

/// Gives the words, reckoned when it is asked: `about 4m10s (9 steps, 8 of them rehearsed)`.
pub struct GoingBack(pub Box<dyn Fn() -> Option<String> + Send + Sync>);

impl std::fmt::Debug for GoingBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GoingBack")
    }
}
