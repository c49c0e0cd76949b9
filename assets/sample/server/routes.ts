import type { Express } from "express";
import type { Server } from "http";
import { insertGrievanceSchema, insertReplySchema } from "@shared/schema";
import { registerAudioRoutes } from "./replit_integrations/audio";
import { isAuthenticated, registerAuthRoutes, setupAuth } from "./replit_integrations/auth";
import { registerChatRoutes } from "./replit_integrations/chat";
import { registerImageRoutes } from "./replit_integrations/image";
import { isStaff, storage } from "./storage";
import { getStripePublishableKey, getUncachableStripeClient } from "./stripeClient";

const PUBLIC_URL = "https://grievance-portal-sample.replit.app";
const HOUR = 60 * 60 * 1000;

export async function registerRoutes(httpServer: Server, app: Express): Promise<Server> {
  await setupAuth(app);
  registerAuthRoutes(app);
  registerChatRoutes(app);
  registerImageRoutes(app);
  registerAudioRoutes(app);

  app.get("/api/departments", async (_req, res) => {
    res.json(await storage.listDepartments());
  });

  app.get("/api/grievances", isAuthenticated, async (req: any, res) => {
    const userId: string = req.user.claims.sub;
    res.json(await storage.listGrievances(isStaff(userId) ? null : userId));
  });

  app.post("/api/grievances", isAuthenticated, async (req: any, res) => {
    const data = insertGrievanceSchema.safeParse(req.body);
    if (!data.success) {
      res.status(400).json({ message: data.error.issues[0]?.message });
      return;
    }
    const grievance = await storage.createGrievance(req.user.claims.sub, data.data);
    res.status(201).json({ ...grievance, link: `${PUBLIC_URL}/grievances/${grievance.id}` });
  });

  app.get("/api/grievances/:id", isAuthenticated, async (req: any, res) => {
    const userId: string = req.user.claims.sub;
    const found = await storage.getGrievance(Number(req.params.id));
    if (!found || (found.grievance.citizenId !== userId && !isStaff(userId))) {
      res.status(404).json({ message: "No such grievance" });
      return;
    }
    res.json({ ...found, replies: found.replies.filter((reply) => !reply.isInternal || isStaff(userId)) });
  });

  app.post("/api/grievances/:id/replies", isAuthenticated, async (req: any, res) => {
    const userId: string = req.user.claims.sub;
    const id = Number(req.params.id);
    const found = await storage.getGrievance(id);
    const data = insertReplySchema.safeParse(req.body);
    if (!found || !data.success || (found.grievance.citizenId !== userId && !isStaff(userId))) {
      res.status(400).json({ message: "Cannot reply" });
      return;
    }
    const reply = await storage.addReply(id, userId, { ...data.data, isInternal: isStaff(userId) && data.data.isInternal });
    if (isStaff(userId)) await storage.setStatus(id, "answered");
    res.status(201).json(reply);
  });

  app.get("/api/stripe/key", async (_req, res) => {
    res.json({ publishableKey: await getStripePublishableKey() });
  });

  app.post("/api/grievances/:id/fee", isAuthenticated, async (req: any, res) => {
    const stripe = await getUncachableStripeClient();
    const back = `https://${process.env.REPLIT_DOMAINS?.split(",")[0]}/grievances/${Number(req.params.id)}`;
    const price = { currency: "usd", unit_amount: Number(process.env.FILING_FEE_CENTS), product_data: { name: "Filing fee" } };
    const session = await stripe.checkout.sessions.create({
      mode: "payment",
      line_items: [{ price_data: price, quantity: 1 }],
      success_url: back,
      cancel_url: back,
    });
    res.json({ url: session.url });
  });

  setInterval(() => {
    storage.escalate().catch((error) => console.error("escalation failed:", error));
  }, HOUR);

  return httpServer;
}
