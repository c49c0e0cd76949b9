import type { Express } from "express";
import { isAuthenticated } from "../auth";
import { generateImage } from "./client";

export function registerImageRoutes(app: Express) {
  app.post("/api/generate-image", isAuthenticated, async (req, res) => {
    if (!req.body.prompt) {
      res.status(400).json({ error: "prompt is missing" });
      return;
    }
    res.json({ b64_json: await generateImage(req.body.prompt, req.body.size) });
  });
}
