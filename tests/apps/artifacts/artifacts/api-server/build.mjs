import { build } from "esbuild";
import esbuildPluginPino from "esbuild-plugin-pino";

await build({ entryPoints: ["src/index.ts"], bundle: true, format: "esm", outdir: "dist", plugins: [esbuildPluginPino({ transports: ["pino-pretty"] })] });
