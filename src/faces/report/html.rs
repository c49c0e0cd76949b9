//! The report as one self-contained HTML page: no script, no link, no image from elsewhere.
//! One small function over one document.

use super::{Block, Document};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}\
h1{font-size:1.8rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ccc}table{border-collapse:collapse;width:100%;font-size:.92rem}\
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #e3e3e3}th{background:#f5f5f5}dt{float:left;clear:left;width:9rem;color:#666}\
dd{margin-left:9.5rem}@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#181818}th{background:#262626}th,td{border-color:#333}h2{border-color:#444}dt{color:#aaa}}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub fn html(document: &Document) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style></head>\n<body><h1>{0}</h1>\n<dl>",
        escape(&document.title)
    );
    for (name, value) in &document.head {
        out.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value)));
    }
    out.push_str("</dl>\n");
    for section in &document.sections {
        out.push_str(&format!("<h2>{}</h2>\n", escape(&section.title)));
        for block in &section.blocks {
            match block {
                Block::Text(text) => out.push_str(&format!("<p>{}</p>\n", escape(text))),
                Block::List(items) => {
                    let items: String = items.iter().map(|i| format!("<li>{}</li>", escape(i))).collect();
                    out.push_str(&format!("<ul>{items}</ul>\n"));
                }
                Block::Table { head, rows } => {
                    let row = |cells: &[String], tag: &str| {
                        let cells: String = cells.iter().map(|c| format!("<{tag}>{}</{tag}>", escape(c))).collect();
                        format!("<tr>{cells}</tr>\n")
                    };
                    out.push_str("<table>");
                    out.push_str(&row(head, "th"));
                    rows.iter().for_each(|r| out.push_str(&row(r, "td")));
                    out.push_str("</table>\n");
                }
            }
        }
    }
    out.push_str("</body></html>\n");
    out
}
