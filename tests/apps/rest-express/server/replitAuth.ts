import * as client from "openid-client";
import { Strategy } from "openid-client/passport";
import passport from "passport";
import session from "express-session";
import type { Express } from "express";
import connectPg from "connect-pg-simple";
import { upsertUser } from "./storage";

if (!process.env.REPLIT_DOMAINS) {
  throw new Error("Environment variable REPLIT_DOMAINS not provided");
}

export function getSession() {
  const pgStore = connectPg(session);
  const sessionStore = new pgStore({
    conString: process.env.DATABASE_URL,
    createTableIfMissing: true,
    tableName: "sessions",
  });
  return session({
    secret: process.env.SESSION_SECRET!,
    store: sessionStore,
    resave: false,
    cookie: { httpOnly: true, secure: true, sameSite: "none" },
  });
}

export async function setupAuth(app: Express) {
  app.use(getSession());
  const config = await client.discovery(
    new URL(process.env.ISSUER_URL ?? "https://replit.com/oidc"),
    process.env.REPL_ID!,
  );
  for (const domain of process.env.REPLIT_DOMAINS!.split(",")) {
    passport.use(
      new Strategy(
        { name: `replitauth:${domain}`, config, scope: "openid email", callbackURL: `https://${domain}/api/callback` },
        (tokens, verified) => upsertUser(tokens.claims() as never).then((user) => verified(null, user)),
      ),
    );
  }
}
