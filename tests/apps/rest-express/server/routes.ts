import { createServer } from "http";
import type { Express } from "express";
import multer from "multer";
import puppeteer from "puppeteer";
import { WebSocketServer } from "ws";
import { setupAuth } from "./replitAuth";

const upload = multer({ dest: "uploads/" });
const inMemory = multer({ storage: multer.memoryStorage() });

export async function registerRoutes(app: Express) {
  await setupAuth(app);
  app.post("/api/avatar", upload.single("file"), (req, res) => res.json(req.file));
  app.post("/api/scan", inMemory.single("file"), (_req, res) => res.sendStatus(204));
  app.get("/api/invoice.pdf", async (_req, res) => {
    const browser = await puppeteer.launch();
    res.send(await browser.version());
  });
  app.get("/api/share", (_req, res) => res.json({ url: "https://shop-by-ann.replit.app/share" }));
  const server = createServer(app);
  const wss = new WebSocketServer({ server, path: "/ws" });
  setInterval(() => wss.clients.forEach((one) => one.ping()), 30_000);
  return server;
}
