import { runMigrations, StripeSync } from "stripe-replit-sync";

async function getCredentials() {
  const hostname = process.env.REPLIT_CONNECTORS_HOSTNAME;
  const token = process.env.REPL_IDENTITY
    ? "repl " + process.env.REPL_IDENTITY
    : "depl " + process.env.WEB_REPL_RENEWAL;
  const url = `https://${hostname}/api/v2/connection?include_secrets=true&connector_names=stripe`;
  const answer = await fetch(url, { headers: { "X-Replit-Token": token } });
  return (await answer.json()).items[0].settings.secret;
}

export async function initStripe() {
  await runMigrations({ databaseUrl: process.env.DATABASE_URL! });
  const sync = new StripeSync({ stripeSecretKey: await getCredentials() } as never);
  const host = process.env.REPLIT_DOMAINS?.split(",")[0];
  await sync.findOrCreateManagedWebhook(`https://${host}/api/stripe/webhook`);
  if (process.env.REPLIT_DEPLOYMENT === "1") await sync.syncBackfill();
}
