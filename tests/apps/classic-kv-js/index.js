const express = require("express");
const Database = require("@replit/database");

const db = new Database();
const app = express();
const base = `https://${process.env.REPL_SLUG}.${process.env.REPL_OWNER}.repl.co`; // where it lives today

app.use(express.static("public"));
app.get("/", async (req, res) => {
  const name = req.get("X-Replit-User-Name"); // set by Replit's proxy
  const entries = await db.list("entry:");
  res.send(`${name}: ${entries.length} entries at ${base}`);
});
app.listen(3000);
