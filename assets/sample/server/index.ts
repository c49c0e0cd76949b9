import express, { type NextFunction, type Request, type Response } from "express";
import { createServer } from "http";
import { runMigrations } from "stripe-replit-sync";
import { registerRoutes } from "./routes";
import { serveStatic } from "./static";
import { getStripeSync } from "./stripeClient";
import { WebhookHandlers } from "./webhookHandlers";

const app = express();
const httpServer = createServer(app);

export function log(message: string, source = "express") {
  console.log(`${new Date().toLocaleTimeString("en-US")} [${source}] ${message}`);
}

async function initStripe() {
  const databaseUrl = process.env.DATABASE_URL;
  if (!databaseUrl) throw new Error("DATABASE_URL is required for Stripe");
  try {
    await runMigrations({ databaseUrl });
    const sync = await getStripeSync();
    const base = `https://${process.env.REPLIT_DOMAINS?.split(",")[0]}`;
    await sync.findOrCreateManagedWebhook(`${base}/api/stripe/webhook`);
    sync.syncBackfill().catch((error) => log(`backfill failed: ${error.message}`, "stripe"));
  } catch (error) {
    log(`not ready: ${(error as Error).message}`, "stripe");
  }
}

// Stripe signs the raw bytes, so this route comes before express.json().
app.post("/api/stripe/webhook", express.raw({ type: "application/json" }), async (req, res) => {
  const signature = req.headers["stripe-signature"];
  if (typeof signature !== "string") {
    res.status(400).json({ error: "stripe-signature is missing" });
    return;
  }
  try {
    await WebhookHandlers.processWebhook(req.body, signature);
    res.status(200).json({ received: true });
  } catch (error) {
    log(`webhook failed: ${(error as Error).message}`, "stripe");
    res.status(400).json({ error: "webhook failed" });
  }
});

app.use(express.json({ limit: "10mb" }));
app.use(express.urlencoded({ extended: false }));

app.use((req, res, next) => {
  const start = Date.now();
  res.on("finish", () => {
    if (req.path.startsWith("/api")) log(`${req.method} ${req.path} ${res.statusCode} in ${Date.now() - start}ms`);
  });
  next();
});

(async () => {
  void initStripe();
  await registerRoutes(httpServer, app);

  app.use((err: { status?: number; message?: string }, _req: Request, res: Response, next: NextFunction) => {
    console.error(err);
    if (res.headersSent) return next(err);
    res.status(err.status ?? 500).json({ message: err.message ?? "Internal Server Error" });
  });

  // After the API routes, because the client answers every path that is left.
  if (process.env.NODE_ENV === "production") {
    serveStatic(app);
  } else {
    const { setupVite } = await import("./vite");
    await setupVite(httpServer, app);
  }

  // PORT is the only port that is not firewalled; it serves the API and the client.
  const port = parseInt(process.env.PORT || "5000", 10);
  httpServer.listen({ port, host: "0.0.0.0", reusePort: true }, () => log(`serving on port ${port}`));
})();
