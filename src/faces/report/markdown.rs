//! The report as Markdown.
//! One small function over one document.

use super::{Block, Document};

pub fn markdown(document: &Document) -> String {
    let mut out = format!("# {}\n\n", document.title);
    for (name, value) in &document.head {
        out.push_str(&format!("- **{name}**: {value}\n"));
    }
    for section in &document.sections {
        out.push_str(&format!("\n## {}\n", section.title));
        for block in &section.blocks {
            out.push('\n');
            match block {
                Block::Text(text) => out.push_str(&format!("{text}\n")),
                Block::List(items) => items.iter().for_each(|i| out.push_str(&format!("- {i}\n"))),
                Block::Table { head, rows } => {
                    let line = |cells: &[String]| {
                        format!("| {} |\n", cells.iter().map(|c| c.replace('|', "\\|").replace('\n', " ")).collect::<Vec<_>>().join(" | "))
                    };
                    out.push_str(&line(head));
                    out.push_str(&format!("|{}\n", "---|".repeat(head.len())));
                    rows.iter().for_each(|r| out.push_str(&line(r)));
                }
            }
        }
    }
    out
}
