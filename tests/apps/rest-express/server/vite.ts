import express, { type Express } from "express";
import path from "path";
import { createServer as createViteServer, createLogger } from "vite";
import viteConfig from "../vite.config";

export function log(message: string) {
  console.log(message);
}

export async function setupVite(app: Express, server: unknown) {
  const vite = await createViteServer({ ...viteConfig, configFile: false, customLogger: createLogger() });
  app.use(vite.middlewares);
}

export function serveStatic(app: Express) {
  app.use(express.static(path.resolve(import.meta.dirname, "public")));
}
