import { pool } from "./db";

await pool.query(`CREATE EXTENSION IF NOT EXISTS "uuid-ossp"`);
await pool.query("CREATE TABLE IF NOT EXISTS reports (id serial primary key, owner text)");
