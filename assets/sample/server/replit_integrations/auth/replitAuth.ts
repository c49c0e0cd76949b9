import connectPg from "connect-pg-simple";
import type { Express, RequestHandler } from "express";
import session from "express-session";
import memoize from "memoizee";
import * as client from "openid-client";
import { Strategy, type VerifyFunction } from "openid-client/passport";
import passport from "passport";
import { authStorage } from "./storage";

const WEEK = 7 * 24 * 60 * 60 * 1000;

const getOidcConfig = memoize(
  async () => client.discovery(new URL(process.env.ISSUER_URL ?? "https://replit.com/oidc"), process.env.REPL_ID!),
  { maxAge: 3600 * 1000, promise: true },
);

export function getSession() {
  const PgStore = connectPg(session);
  const store = new PgStore({
    conString: process.env.DATABASE_URL,
    createTableIfMissing: false,
    ttl: WEEK / 1000,
    tableName: "sessions",
  });
  return session({
    secret: process.env.SESSION_SECRET!,
    store,
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, secure: true, maxAge: WEEK },
  });
}

type Tokens = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

function updateUserSession(user: any, tokens: Tokens) {
  user.claims = tokens.claims();
  user.access_token = tokens.access_token;
  user.refresh_token = tokens.refresh_token;
  user.expires_at = user.claims?.exp;
}

async function upsertUser(claims: any) {
  await authStorage.upsertUser({
    id: claims["sub"],
    email: claims["email"],
    firstName: claims["first_name"],
    lastName: claims["last_name"],
    profileImageUrl: claims["profile_image_url"],
  });
}

export async function setupAuth(app: Express) {
  app.set("trust proxy", 1);
  app.use(getSession());
  app.use(passport.initialize());
  app.use(passport.session());

  const verify: VerifyFunction = async (tokens, verified) => {
    const user = {};
    updateUserSession(user, tokens);
    await upsertUser(tokens.claims());
    verified(null, user);
  };

  // One strategy for each host name the app answers to.
  const known = new Set<string>();
  const ensureStrategy = async (domain: string) => {
    const name = `replitauth:${domain}`;
    if (!known.has(name)) {
      const options = {
        name,
        config: await getOidcConfig(),
        scope: "openid email profile offline_access",
        callbackURL: `https://${domain}/api/callback`,
      };
      passport.use(new Strategy(options, verify));
      known.add(name);
    }
    return name;
  };

  passport.serializeUser((user: Express.User, done) => done(null, user));
  passport.deserializeUser((user: Express.User, done) => done(null, user));

  app.get("/api/login", async (req, res, next) => {
    const strategy = await ensureStrategy(req.hostname);
    passport.authenticate(strategy, { prompt: "login consent", scope: ["openid", "email", "profile", "offline_access"] })(req, res, next);
  });

  app.get("/api/callback", async (req, res, next) => {
    const strategy = await ensureStrategy(req.hostname);
    passport.authenticate(strategy, { successReturnToOrRedirect: "/", failureRedirect: "/api/login" })(req, res, next);
  });

  app.get("/api/logout", async (req, res) => {
    const config = await getOidcConfig();
    req.logout(() => {
      const end = client.buildEndSessionUrl(config, {
        client_id: process.env.REPL_ID!,
        post_logout_redirect_uri: `${req.protocol}://${req.hostname}`,
      });
      res.redirect(end.href);
    });
  });
}

export const isAuthenticated: RequestHandler = async (req, res, next) => {
  const user = req.user as any;
  if (!req.isAuthenticated() || !user?.expires_at) {
    res.status(401).json({ message: "Unauthorized" });
    return;
  }
  if (Math.floor(Date.now() / 1000) <= user.expires_at) return next();

  try {
    updateUserSession(user, await client.refreshTokenGrant(await getOidcConfig(), user.refresh_token));
    next();
  } catch {
    res.status(401).json({ message: "Unauthorized" });
  }
};
