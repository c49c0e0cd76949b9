import type { Express } from "express";
import fs from "fs";
import type { Server } from "http";
import path from "path";
import { createServer } from "vite";
import viteConfig from "../vite.config";

// Development only: the client is compiled on request.
export async function setupVite(server: Server, app: Express) {
  const vite = await createServer({
    ...viteConfig,
    configFile: false,
    server: { middlewareMode: true, hmr: { server, path: "/vite-hmr" }, allowedHosts: true },
    appType: "custom",
  });

  app.use(vite.middlewares);
  app.use("/{*path}", async (req, res, next) => {
    try {
      const page = await fs.promises.readFile(path.resolve(import.meta.dirname, "..", "client", "index.html"), "utf-8");
      res.status(200).set({ "Content-Type": "text/html" }).end(await vite.transformIndexHtml(req.originalUrl, page));
    } catch (error) {
      vite.ssrFixStacktrace(error as Error);
      next(error);
    }
  });
}
