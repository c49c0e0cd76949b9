//! The report of a run as plain data, and its two faces: Markdown and one self-contained HTML file.
//! Reads nothing: it is handed what it prints.

mod html;
mod markdown;

pub use html::html;
pub use markdown::markdown;

/// A document of titled sections.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub title: String,
    /// Name and value, in the head.
    pub head: Vec<(String, String)>,
    pub sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    pub title: String,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    Text(String),
    List(Vec<String>),
    Table { head: Vec<String>, rows: Vec<Vec<String>> },
}

impl Section {
    pub fn new(title: &str, blocks: Vec<Block>) -> Self {
        Self { title: title.to_owned(), blocks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_show_everything_and_escape_it() {
        let document = Document {
            title: "Report <x>".into(),
            head: vec![("run".into(), "live-1".into())],
            sections: vec![Section::new(
                "Decisions",
                vec![
                    Block::Text("a & b".into()),
                    Block::List(vec!["one".into()]),
                    Block::Table { head: vec!["k".into()], rows: vec![vec!["a|b".into()]] },
                ],
            )],
        };
        let md = markdown(&document);
        assert_eq!(md, "# Report <x>\n\n- **run**: live-1\n\n## Decisions\n\na & b\n\n- one\n\n| k |\n|---|\n| a\\|b |\n");
        let page = html(&document);
        for part in ["<h1>Report &lt;x&gt;</h1>", "<h2>Decisions</h2>", "a &amp; b", "<li>one</li>", "<td>a|b</td>"] {
            assert!(page.contains(part), "{part} in {page}");
        }
        assert!(!page.contains("http"), "self-contained");
    }
}
