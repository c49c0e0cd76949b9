export const url = "https://dispatch.replit.app";
