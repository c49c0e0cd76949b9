import express from "express";
import rateLimit from "express-rate-limit";
import Stripe from "stripe";
import { reports } from "./queue";

const stripe = new Stripe(process.env.STRIPE_SECRET_KEY!);
const app = express();
app.use(rateLimit({ windowMs: 60_000 }));
app.get("/health", (_req, res) => res.send("ok"));
app.post("/reports", async (req, res) => res.json(await reports.add("make", { user: String(req.query.user) })));
app.post("/pay", async (_req, res) => res.json(await stripe.paymentIntents.create({ amount: 100, currency: "eur" })));
app.listen(Number(process.env.PORT ?? 8080));
