//! Which other database product wrote a text that PostgreSQL's parser refuses, as far as its words tell.
//! Never asked about a text that parses, but for types that PostgreSQL has not.

use std::sync::LazyLock;

use regex::Regex;

/// A database product whose dumps are taken for PostgreSQL's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    MySql,
    Sqlite,
    Oracle,
    SqlServer,
}

static SIGNS: LazyLock<Vec<(Product, Regex)>> = LazyLock::new(|| {
    [
        (Product::MySql, r"(?im)^-- (MySQL|MariaDB) dump|^DELIMITER |^(UN)?LOCK TABLES|\bAUTO_INCREMENT\b|\)\s*ENGINE\s*=|^\s*CREATE (TABLE|DATABASE)[^'\n]*`|^/\*!\d{5}|\bUNSIGNED\b"),
        (Product::Sqlite, r"(?im)^PRAGMA |\bAUTOINCREMENT\b|\bsqlite_sequence\b|\bWITHOUT ROWID\b"),
        (Product::SqlServer, r"(?im)^\s*GO\s*$|\[dbo\]|\bIDENTITY\s*\(\s*\d+\s*,\s*\d+\s*\)|\bSET ANSI_NULLS\b|\bNVARCHAR\s*\(|^USE \[|\bUNIQUEIDENTIFIER\b"),
        (Product::Oracle, r"(?im)\bN?VARCHAR2\b|\bNUMBER\s*(\(|,)|^/\s*$|\bCREATE OR REPLACE (EDITIONABLE |PACKAGE)|\bENABLE NOVALIDATE\b|\bSYSDATE\b"),
    ]
    .into_iter()
    .filter_map(|(product, pattern)| Regex::new(pattern).ok().map(|pattern| (product, pattern)))
    .collect()
});

impl Product {
    /// The first whose words are in the text.
    pub fn of(text: &str) -> Option<Self> {
        SIGNS.iter().find(|(_, sign)| sign.is_match(text)).map(|(product, _)| *product)
    }

    /// Whose type this is, if it is none of PostgreSQL's: `varchar2`.
    pub fn of_type(name: &str) -> Option<Self> {
        match name {
            "tinyint" | "mediumint" | "longtext" | "mediumtext" | "tinytext" | "longblob" | "mediumblob" | "tinyblob" => Some(Self::MySql),
            "varchar2" | "nvarchar2" | "number" | "clob" | "nclob" | "binary_double" | "binary_float" => Some(Self::Oracle),
            "nvarchar" | "ntext" | "uniqueidentifier" | "datetime2" | "datetimeoffset" | "smalldatetime" | "smallmoney" | "rowversion" => {
                Some(Self::SqlServer)
            }
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::MySql => "MySQL or MariaDB",
            Self::Sqlite => "SQLite",
            Self::Oracle => "Oracle",
            Self::SqlServer => "Microsoft SQL Server",
        }
    }

    /// What to do with such a dump.
    pub fn hint(self) -> String {
        let with = match self {
            Self::MySql | Self::Sqlite | Self::SqlServer => "pgloader",
            Self::Oracle => "ora2pg",
        };
        format!(
            "this looks like a dump of {}: load it into an empty Postgres ({with} does), run `pg_dump --schema-only` there, and convert what it prints",
            self.name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_known_by_their_words() {
        for (text, product) in [
            ("CREATE TABLE `users` (`id` int)", Product::MySql),
            ("CREATE TABLE t (id int) ENGINE=InnoDB;", Product::MySql),
            ("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);", Product::Sqlite),
            ("CREATE TABLE [dbo].[t] ([id] INT IDENTITY(1,1))\nGO\n", Product::SqlServer),
            ("CREATE TABLE T (ID NUMBER(10) NOT NULL, N VARCHAR2(20));", Product::Oracle),
        ] {
            assert_eq!(Product::of(text), Some(product), "{text}");
        }
        assert_eq!(Product::of("CREATE TABLE public.t (a integer, number text);"), None);
    }
}
