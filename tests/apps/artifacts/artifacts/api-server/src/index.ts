import express from "express";
import { clerkMiddleware } from "@clerk/express";
import { objectStorageClient } from "./lib/objectStorage";

const rawPort = process.env["PORT"];
if (!rawPort) {
  throw new Error("PORT environment variable is required but was not provided.");
}

const app = express();
app.use(clerkMiddleware());
app.get("/api/healthz", (_req, res) => res.json({ status: "ok" }));
app.get("/api/objects", (_req, res) => res.json(objectStorageClient));
app.listen(Number(rawPort));
