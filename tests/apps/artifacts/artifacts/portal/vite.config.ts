import { defineConfig } from "vite";

const rawPort = process.env.PORT;
if (!rawPort) {
  throw new Error("PORT environment variable is required but was not provided.");
}
if (!process.env.BASE_PATH) {
  throw new Error("BASE_PATH environment variable is required but was not provided.");
}

export default defineConfig({ base: process.env.BASE_PATH, server: { port: Number(rawPort) } });
