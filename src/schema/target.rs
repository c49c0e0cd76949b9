//! The databases a schema can be converted for.
//! Never says what they can do: that is data, see [`super::Capabilities`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::statement::Dialect;
use crate::error::{Error, Kind};

/// Where the schema goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Amazon RDS for PostgreSQL.
    Rds,
    /// Amazon Aurora PostgreSQL.
    Aurora,
    /// Amazon Aurora DSQL.
    Dsql,
}

impl Target {
    /// `rds`, `aurora` or `dsql`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rds => "rds",
            Self::Aurora => "aurora",
            Self::Dsql => "dsql",
        }
    }

    /// Who reads the SQL that is written down for it.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Rds | Self::Aurora => Dialect::Postgres,
            Self::Dsql => Dialect::Dsql,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Rds, Self::Aurora, Self::Dsql]
            .into_iter()
            .find(|target| target.name() == text)
            .ok_or_else(|| Error::new(Kind::Usage, format!("{text:?} is not a target database")).hint("use rds, aurora or dsql"))
    }
}
