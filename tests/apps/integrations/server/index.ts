import express from "express";
import cron from "node-cron";
import { setupAuth } from "./replit_integrations/auth/replitAuth";
import { initStripe } from "./stripeClient";
import { summarize } from "./summary";

const app = express();
app.set("trust proxy", 1);
app.get("/api/health", (_req, res) => res.json({ ok: true }));
setupAuth(app);
void initStripe();
cron.schedule("0 6 * * *", () => void summarize("daily"));
app.use(express.static("dist/public"));
app.listen(Number(process.env.PORT || 5000), "0.0.0.0");
