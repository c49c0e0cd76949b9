export async function send(to: string, text: string) {
  // Resend through the connector was replaced by Replit's mailer
  await fetch("https://connectors.replit.com/api/v2/mailer/send", {
    method: "POST",
    headers: { "X-Replit-Token": String(process.env.WEB_REPL_RENEWAL) },
    body: JSON.stringify({ to, text }),
  });
}
