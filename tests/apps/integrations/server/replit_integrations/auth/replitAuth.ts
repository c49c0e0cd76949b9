import * as client from "openid-client";
import session from "express-session";
import connectPg from "connect-pg-simple";
import type { Express } from "express";

export function setupAuth(app: Express) {
  const PgStore = connectPg(session);
  app.use(
    session({
      secret: process.env.SESSION_SECRET!,
      store: new PgStore({ conString: process.env.DATABASE_URL, createTableIfMissing: true }),
      cookie: { httpOnly: true, secure: true },
    }),
  );
  return client.discovery(new URL(process.env.ISSUER_URL ?? "https://replit.com/oidc"), process.env.REPL_ID!);
}
