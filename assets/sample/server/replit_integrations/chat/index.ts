export { registerChatRoutes } from "./routes";
export { chatStorage } from "./storage";
