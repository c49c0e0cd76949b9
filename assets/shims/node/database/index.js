// The Client of @replit/database (3.0.1) on Postgres: table kv(key text primary key, value jsonb).
// Database: KV_DATABASE_URL, else DATABASE_URL. The table is made when it is missing and the role may.
// With REPLIT_DATABASE_API=2 results are plain values and errors are thrown, as in version 2. Written by migrate-wizard, yours to change.
"use strict";

const { Pool } = require("pg");

const TABLE = "create table if not exists kv (key text primary key, value jsonb not null)";
const MISSING_TABLE = "42P01";

const pools = new Map();

/** One pool for each URL: apps make a Client wherever they need one. */
function pool(url) {
  if (!url) throw new Error("no database: set DATABASE_URL (or KV_DATABASE_URL) to a Postgres URL");
  if (!pools.has(url)) pools.set(url, new Pool({ connectionString: url, max: 5, allowExitOnIdle: true }));
  return pools.get(url);
}

async function query(url, text, values) {
  const client = pool(url);
  try {
    return await client.query(text, values);
  } catch (error) {
    if (error.code !== MISSING_TABLE) throw error;
    await client.query(TABLE).catch((refused) => {
      // Two that make it at the same time: one may lose, and the table is there.
      if (refused.code !== "23505" && refused.code !== "42P07") throw refused;
    });
    return client.query(text, values);
  }
}

const ok = (value) => ({ ok: true, value });
const failed = (error, errorExtras) => (errorExtras ? { ok: false, error, errorExtras } : { ok: false, error });

/** Only words that Postgres says of itself: never the URL. */
function told(error) {
  return { message: error.message || error.code || "the database could not be reached" };
}

/** JSON as Postgres takes it; what it cannot hold is named. */
function json(key, value) {
  const text = JSON.stringify(value);
  if (text === undefined) throw new Error(`the value of ${key} is nothing that JSON can hold`);
  if (/(?<!\\)(?:\\\\)*\\u0000/.test(text)) throw new Error(`the value of ${key} holds the character U+0000, which a jsonb column cannot`);
  return text;
}

class Client {
  constructor(dbUrl) {
    // A URL of Replit's own store (https://kv.replit.com/…) says nothing here.
    this.url = /^postgres(ql)?:/.test(dbUrl ?? "") ? dbUrl : process.env.KV_DATABASE_URL || process.env.DATABASE_URL;
    this.plain = process.env.REPLIT_DATABASE_API === "2";
  }

  /** A result in the shape of the version that the app was written for. */
  async give(work, missing) {
    let given;
    try {
      given = await work();
    } catch (error) {
      given = failed(told(error));
    }
    if (!this.plain) return given;
    if (given.ok) return given.value;
    if (given.error.statusCode === 404) return missing;
    throw new Error(given.error.message);
  }

  get(key, options = {}) {
    return this.give(async () => {
      const { rows } = await query(this.url, "select value::text as text from kv where key = $1", [key]);
      if (rows.length === 0) return failed({ message: "", statusCode: 404 });
      return ok(options.raw ? compact(rows[0].text) : JSON.parse(rows[0].text));
    }, null);
  }

  set(key, value) {
    return this.give(async () => {
      await query(this.url, "insert into kv (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value", [
        key,
        json(key, value),
      ]);
      return ok(this);
    });
  }

  delete(key) {
    return this.give(async () => {
      const { rowCount } = await query(this.url, "delete from kv where key = $1", [key]);
      return rowCount === 0 ? failed({ message: "", statusCode: 404 }) : ok(this);
    }, this);
  }

  list(prefix = "") {
    return this.give(async () => {
      const { rows } = await query(this.url, 'select key from kv where starts_with(key, $1) order by key collate "C"', [prefix]);
      return ok(rows.map((row) => row.key));
    });
  }

  empty() {
    return this.give(async () => {
      await query(this.url, "delete from kv");
      return ok(this);
    });
  }

  getAll(options = {}) {
    return this.give(async () => {
      const { rows } = await query(this.url, 'select key, value::text as text from kv order by key collate "C"');
      const all = {};
      // A key may be called __proto__: it is a key like any other.
      for (const { key, text } of rows) {
        const value = options.raw ? compact(text) : JSON.parse(text);
        Object.defineProperty(all, key, { value, enumerable: true, writable: true, configurable: true });
      }
      return ok(all);
    });
  }

  /** All or none, in one statement. */
  setMultiple(obj) {
    return this.give(async () => {
      try {
        const keys = Object.keys(obj);
        const values = keys.map((key) => json(key, obj[key]));
        await query(
          this.url,
          "insert into kv (key, value) select * from unnest($1::text[], $2::jsonb[]) on conflict (key) do update set value = excluded.value",
          [keys, values],
        );
        return ok(this);
      } catch (error) {
        return failed({ message: `Failed to set multiple: ${told(error).message}` }, [told(error)]);
      }
    });
  }

  deleteMultiple(...keys) {
    return this.give(async () => {
      const { rows } = await query(this.url, "delete from kv where key = any($1::text[]) returning key", [keys]);
      const gone = new Set(rows.map((row) => row.key));
      const missing = keys.filter((key) => !gone.has(key));
      if (missing.length === 0 || this.plain) return ok(this);
      return failed({ message: "Failed to delete keys" }, missing.map(() => ({ message: "", statusCode: 404 })));
    });
  }
}

/** The text that JSON.stringify would have stored. */
const compact = (text) => JSON.stringify(JSON.parse(text));

module.exports = Client;
module.exports.default = Client;
module.exports.Client = Client;
