export { getSession, isAuthenticated, setupAuth } from "./replitAuth";
export { registerAuthRoutes } from "./routes";
export { authStorage } from "./storage";
