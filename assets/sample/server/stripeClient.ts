import Stripe from "stripe";
import { StripeSync } from "stripe-replit-sync";

// The keys live in the Replit connector, not in the environment.
async function getCredentials() {
  const hostname = process.env.REPLIT_CONNECTORS_HOSTNAME;
  const token = process.env.REPL_IDENTITY
    ? `repl ${process.env.REPL_IDENTITY}`
    : process.env.WEB_REPL_RENEWAL
      ? `depl ${process.env.WEB_REPL_RENEWAL}`
      : null;
  if (!token) {
    throw new Error("X_REPLIT_TOKEN not found for repl/depl");
  }

  const url = new URL(`https://${hostname}/api/v2/connection`);
  url.searchParams.set("include_secrets", "true");
  url.searchParams.set("connector_names", "stripe");
  url.searchParams.set("environment", process.env.REPLIT_DEPLOYMENT === "1" ? "production" : "development");

  const response = await fetch(url, { headers: { Accept: "application/json", "X-Replit-Token": token } });
  const settings = (await response.json()).items?.[0]?.settings;
  if (!settings?.publishable || !settings?.secret) {
    throw new Error("the Stripe connector is not connected");
  }
  return { publishableKey: settings.publishable as string, secretKey: settings.secret as string };
}

// Never keep the client: the connector may hand out new keys.
export async function getUncachableStripeClient() {
  const { secretKey } = await getCredentials();
  return new Stripe(secretKey);
}

export async function getStripePublishableKey() {
  return (await getCredentials()).publishableKey;
}

let stripeSync: StripeSync | null = null;

export async function getStripeSync() {
  if (!stripeSync) {
    const { secretKey } = await getCredentials();
    stripeSync = new StripeSync({
      poolConfig: { connectionString: process.env.DATABASE_URL!, max: 2 },
      stripeSecretKey: secretKey,
    });
  }
  return stripeSync;
}
