import { build as esbuild } from "esbuild";
import { readFile, rm } from "fs/promises";
import { build as viteBuild } from "vite";

// Bundled into dist/index.cjs so that a cold start opens fewer files; everything else stays external.
const allowlist = [
  "connect-pg-simple",
  "drizzle-orm",
  "drizzle-zod",
  "express",
  "express-session",
  "memoizee",
  "openai",
  "openid-client",
  "passport",
  "pg",
  "stripe",
  "zod",
];

async function buildAll() {
  await rm("dist", { recursive: true, force: true });

  console.log("building client...");
  await viteBuild();

  console.log("building server...");
  const pkg = JSON.parse(await readFile("package.json", "utf-8"));
  const names = [...Object.keys(pkg.dependencies ?? {}), ...Object.keys(pkg.devDependencies ?? {})];

  await esbuild({
    entryPoints: ["server/index.ts"],
    platform: "node",
    bundle: true,
    format: "cjs",
    outfile: "dist/index.cjs",
    define: { "process.env.NODE_ENV": '"production"' },
    minify: true,
    external: names.filter((name) => !allowlist.includes(name)),
    logLevel: "info",
  });
}

buildAll().catch((error) => {
  console.error(error);
  process.exit(1);
});
