//! What was asked for of encryption: libpq's `sslmode`, and whose signature a certificate must bear.
//! Never checks anything itself: that is `tls.rs`.

use std::path::PathBuf;

use crate::error::{Error, Kind, Result};

/// libpq's `sslmode`, weakest first; what each one checks is in `tls.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// What there is to choose from.
pub const MODES: &str = "use disable, prefer, require, verify-ca or verify-full";

impl SslMode {
    pub fn parse(text: &str) -> Result<Self> {
        Self::named(text).ok_or_else(|| Error::new(Kind::Input, format!("sslmode `{text}` is not known")).hint(MODES))
    }

    pub(super) fn named(text: &str) -> Option<Self> {
        match text {
            "disable" => Some(Self::Disable),
            "allow" | "prefer" => Some(Self::Prefer),
            "require" | "no-verify" => Some(Self::Require),
            "verify-ca" => Some(Self::VerifyCa),
            "verify-full" => Some(Self::VerifyFull),
            _ => None,
        }
    }

    /// As libpq writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Which certificate authorities are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Trust {
    /// Those of the system, and Amazon's, which travel in the binary.
    #[default]
    Usual,
    /// `sslrootcert=system`: those of the system alone.
    System,
    /// `sslrootcert=FILE`: those in this PEM file alone.
    File(PathBuf),
}

impl Trust {
    pub(super) fn named(text: &str) -> Self {
        if text == "system" { Self::System } else { Self::File(PathBuf::from(text)) }
    }
}
