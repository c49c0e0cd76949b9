//! From the bytes of a file to the text of a dump; what is no plain SQL in UTF-8 is refused with the way to get there.
//! Never guesses an encoding.

use super::place::Text;
use crate::error::{Error, Kind, Result};

const PLAIN: &str = "pg_dump --schema-only --no-owner --no-privileges";

/// How a file begins, what it is, and how to make it SQL.
const FORMATS: [(&[u8], &str, &str); 12] = [
    (b"PGDMP", "a dump in pg_dump's custom format", "pg_restore --schema-only --no-owner --no-privileges -f dump.sql FILE"),
    (b"\x1f\x8b", "compressed by gzip", "gzip --decompress --stdout FILE > dump.sql"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "zstd --decompress --stdout FILE > dump.sql"),
    (b"\x04\x22\x4d\x18", "compressed by lz4", "lz4 --decompress --stdout FILE > dump.sql"),
    (b"BZh", "compressed by bzip2", "bzip2 --decompress --stdout FILE > dump.sql"),
    (b"\xfd7zXZ\0", "compressed by xz", "xz --decompress --stdout FILE > dump.sql"),
    (b"PK\x03\x04", "a zip archive", "unzip -p FILE > dump.sql"),
    (b"SQLite format 3\0", "a SQLite database", "load it into an empty Postgres (pgloader does), then: pg_dump --schema-only -f dump.sql"),
    (b"\xff\xfe", "text in UTF-16", "iconv --from-code UTF-16 --to-code UTF-8 FILE > dump.sql (in PowerShell use `pg_dump -f`, not `>`)"),
    (b"\xfe\xff", "text in UTF-16", "iconv --from-code UTF-16 --to-code UTF-8 FILE > dump.sql (in PowerShell use `pg_dump -f`, not `>`)"),
    (b"toc.dat\0", "a dump in pg_dump's tar format", "pg_restore --schema-only --no-owner --no-privileges -f dump.sql FILE"),
    (b"\x7fELF", "a program", PLAIN),
];

/// The text of a dump. Errors: [`Kind::Input`] that names the file, says what it is and how to make it SQL.
pub fn decode(name: &str, bytes: Vec<u8>) -> Result<String> {
    if let Some((_, what, then)) = FORMATS.iter().find(|(head, ..)| bytes.starts_with(head)) {
        return Err(refused(name, what, then));
    }
    let utf16 = |first: usize| bytes.len() > 8 && bytes.iter().skip(first).step_by(2).take(16).all(|byte| *byte == 0);
    if utf16(0) || utf16(1) {
        return Err(refused(name, "text in UTF-16", FORMATS[8].2));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(refused(name, &format!("not text: byte {at} is zero"), PLAIN));
    }
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(name, &error))?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if text.trim().is_empty() {
        return Err(refused(name, "empty", PLAIN));
    }
    Ok(text)
}

fn refused(name: &str, what: &str, then: &str) -> Error {
    let then = then.replace("FILE", name);
    Error::new(Kind::Input, format!("{name} is {what}")).cause("expected: SQL as pg_dump prints it, plain text in UTF-8").hint(then)
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Error {
    let at = error.utf8_error().valid_up_to();
    let bytes = error.as_bytes();
    let lossy = String::from_utf8_lossy(bytes);
    let text = Text { name, text: &lossy };
    // All before it is UTF-8, so that the place is the same in the text with its marks of replacement.
    let byte = bytes.get(at).copied().unwrap_or_default();
    Error::new(Kind::Input, format!("{} is not UTF-8: byte 0x{byte:02x}", text.place(at)))
        .cause(text.shown(at))
        .cause("expected: SQL as pg_dump prints it, plain text in UTF-8")
        .hint("make the dump with `pg_dump --schema-only --encoding=UTF8`, or convert the file with `iconv --from-code LATIN1 --to-code UTF-8`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(decode("d", b"\xef\xbb\xbfSELECT 1;".to_vec()).unwrap(), "SELECT 1;");
    }

    #[test]
    fn what_is_not_text_says_how_to_become_it() {
        let error = decode("shop.dump", b"PGDMP\x01\x0e".to_vec()).unwrap_err();
        assert_eq!(error.what, "shop.dump is a dump in pg_dump's custom format");
        assert_eq!(error.hint, "pg_restore --schema-only --no-owner --no-privileges -f dump.sql shop.dump");
        let error = decode("d", b"SELECT 1;\nSELECT 'Stra\xdfe';".to_vec()).unwrap_err();
        assert_eq!(error.what, "d:2:13 is not UTF-8: byte 0xdf");
    }
}
