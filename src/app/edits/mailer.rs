//! Mail that Replit sent: what a person must put in its place.
//! Changes nothing: who may send from which address is decided at SES, not in the code.

use super::work::{Work, line_of};

const MAILER: &str = "/api/v2/mailer/send";

pub fn edit(work: &mut Work) {
    let script = |path: &str| [".ts", ".tsx", ".js", ".mjs", ".cjs", ".py"].iter().any(|end| path.ends_with(end));
    for path in work.paths(|path, text| script(path) && text.contains(MAILER)) {
        let text = work.text(&path).unwrap_or_default();
        let line = line_of(text, text.find(MAILER).unwrap_or_default());
        let how = if path.ends_with(".py") { "boto3's sesv2 client, send_email" } else { "@aws-sdk/client-sesv2, SendEmailCommand" };
        let what =
            format!("send by SES here ({how}), from a sender that is verified there; ask for production access of SES before the cutover");
        work.item(&path, Some(line), &what, "Replit's mailer takes mail only from a repl, and only to its owner");
    }
}
