// Health of the app, made by migrate-wizard: the load balancer asks for it every 30 seconds.
//
// Mount it before any route that catches all paths, for Express:
//   import { health } from "./health";
//   app.get("/api/health", async (_req, res) => {
//     const answer = await health({ database: () => pool.query("select 1") });
//     res.status(answer.status).json(answer.body);
//   });
// Add `redis: () => redis.ping()` if the app cannot work without Redis.

type Check = () => Promise<unknown>;

const PATIENCE_MS = 3000;

async function passes(check: Check): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("too slow")), PATIENCE_MS);
  });
  try {
    await Promise.race([check(), late]);
    return true;
  } catch {
    return false; // why it failed is for the log, not for whoever asks
  } finally {
    clearTimeout(timer);
  }
}

/** Share of the container's memory in use, 0 to 1; 0 where there is no limit. */
function memoryShare(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  const limited = limit > 0 && limit < 2 ** 50;
  return limited ? process.memoryUsage().rss / limit : 0;
}

/** 200 and "ok", or 503 and "degraded" with the checks that failed. */
export async function health(checks: Record<string, Check>): Promise<{ status: number; body: Record<string, unknown> }> {
  const results = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await passes(check)] as const));
  const state: Record<string, boolean> = Object.fromEntries(results);
  state.memory = memoryShare() < 0.95;
  const ok = Object.values(state).every(Boolean);
  return { status: ok ? 200 : 503, body: { status: ok ? "ok" : "degraded", checks: state } };
}
