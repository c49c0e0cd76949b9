//! Passwords that are made for each connection, such as IAM tokens that are good for a few minutes.
//! Never shows one, and never keeps one longer than the connection that it was made for takes to open.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::error::Result;

/// A password on its way into a connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where they come from; asked once for each connection, and once more when the server calls one expired.
#[derive(Clone)]
pub struct Passwords(Arc<dyn Fn() -> BoxFuture<'static, Result<Password>> + Send + Sync>);

impl Passwords {
    pub fn new<F>(next: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Password>> + Send + 'static,
    {
        Self(Arc::new(move || next().boxed()))
    }

    pub(super) async fn next(&self) -> Result<Password> {
        (self.0)().await
    }
}

/// Two are the same when one is a clone of the other: what they would give cannot be compared.
impl PartialEq for Passwords {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Passwords {}
