export { generateImage } from "./client";
export { registerImageRoutes } from "./routes";
