import { build } from "esbuild";

const allowlist = ["drizzle-orm", "express", "pg"];

await build({ entryPoints: ["server/index.ts"], bundle: true, format: "cjs", outfile: "dist/index.cjs", external: allowlist });
