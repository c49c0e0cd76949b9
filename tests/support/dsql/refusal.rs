//! An error that the stand-in gives in DSQL's name: SQLSTATE, message, and what goes with it.
//! The texts are those recorded from clusters where one is known; a text of our own says so at the place where it is made.

use super::wire::{Frame, put_text};

/// Why a statement or a connection was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<&'static str>,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, hint: None }
    }

    /// 0A000: most of what DSQL does not have.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new("0A000", message)
    }

    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    #[must_use]
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    pub fn error(&self) -> Frame {
        self.frame("ERROR")
    }

    /// One that ends the connection.
    pub fn fatal(&self) -> Frame {
        self.frame("FATAL")
    }

    fn frame(&self, severity: &str) -> Frame {
        let mut body = Vec::new();
        for (kind, text) in [
            (b'S', Some(severity)),
            (b'V', Some(severity)),
            (b'C', Some(self.code)),
            (b'M', Some(self.message.as_str())),
            (b'D', self.detail.as_deref()),
            (b'H', self.hint),
        ] {
            if let Some(text) = text {
                body.push(kind);
                put_text(&mut body, text);
            }
        }
        body.push(0);
        Frame::new(b'E', body)
    }
}
