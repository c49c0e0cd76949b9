// How node-postgres signs in to Aurora DSQL: there is no password, each new connection gets a token of its own, signed with the task's role.
// Made by migrate-wizard. Where DATABASE_URL is set it counts: for work on one's own machine.
import { DsqlSigner } from "@aws-sdk/dsql-signer";

export function dsql() {
  if (process.env.DATABASE_URL) return { connectionString: process.env.DATABASE_URL };
  const host = process.env.PGHOST;
  if (!host) throw new Error("PGHOST is not set: it names the cluster of Aurora DSQL");
  const user = process.env.PGUSER ?? "admin";
  const signer = new DsqlSigner({ hostname: host, region: process.env.AWS_REGION });
  return {
    host,
    port: Number(process.env.PGPORT ?? 5432),
    database: process.env.PGDATABASE ?? "postgres",
    user,
    password: () => (user === "admin" ? signer.getDbConnectAdminAuthToken() : signer.getDbConnectAuthToken()),
    ssl: { rejectUnauthorized: true },
    // a cluster ends a connection after an hour
    maxLifetimeSeconds: 50 * 60,
  };
}
