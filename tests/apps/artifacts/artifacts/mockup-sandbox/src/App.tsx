export const x = "kv.replit.com";
