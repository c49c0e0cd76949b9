//! `app export`: the words of its command line.
//! Decides nothing: it says what was asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhatArg {
    /// The database, as parts of a dump
    Database,
    /// App Storage (Object Storage), object by object
    Objects,
    /// The key-value store, as lines of JSON
    Kv,
}

#[derive(Debug, Clone, Args)]
pub struct AppExportArgs {
    /// Only this; may be given again (default: what the app is seen to use)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub what: Vec<WhatArg>,
    /// All three, whatever the app is seen to use
    #[arg(long, conflicts_with_all = ["what", "check"])]
    pub all: bool,
    /// Where the scripts go (default: .migrate-wizard/inside in the app's checkout)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Make signed URLs for uploads of database and kv to here; with --check: where what was sent is
    #[arg(long, value_name = "S3URL")]
    pub to: Option<String>,
    /// The dump at most, for the number of URLs, such as 500MiB or 3GiB (the size of the database is enough)
    #[arg(long, default_value = "1GiB", value_name = "SIZE", value_parser = bytes)]
    pub size: u64,
    /// Hours that the URLs are good, at most 168; with temporary credentials they end with these
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=168))]
    pub hours: u64,
    /// Check what was sent against this manifest
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["what", "out"])]
    pub check: Option<PathBuf>,
    /// With --check: the folder with the files that you downloaded (default: the manifest's own)
    #[arg(long = "in", value_name = "DIR", requires = "check", conflicts_with = "to")]
    pub folder: Option<PathBuf>,
}

fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let power = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 1,
        "MiB" => 2,
        "GiB" => 3,
        "TiB" => 4,
        _ => return Err("write it as 500MiB or 3GiB".into()),
    };
    let number: u64 = number.parse().map_err(|_| "write it as 500MiB or 3GiB".to_owned())?;
    number.checked_mul(1024_u64.pow(power)).filter(|n| (1..=5 << 40).contains(n)).ok_or_else(|| "between 1 byte and 5TiB".into())
}
