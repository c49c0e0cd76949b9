// Writes Replit's key-value store as lines of JSON: {"key":…,"value":…}, and what is no JSON as {"key":…,"raw":"…"}.
// Runs inside Replit, where REPLIT_DB_URL is known; that URL is a key to the store and is never printed. Written by migrate-wizard app export.
import { createHash } from "node:crypto";
import { appendFileSync, createReadStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bucket, Unready, Urls, again, ask, manifest, request, run, text, words } from "./s3.mjs";

const USAGE = `usage: node kv.mjs [--to s3://BUCKET/PREFIX | --urls FILE] [--prefix TEXT] [--jobs N] [--out DIR] [--fresh] [--yes]
  without --to and --urls the file stays here and you download it     --prefix  only keys that begin so
  --fresh   forget what an interrupted run has read                    --out     default: ./migrate-out
Run again, it goes on with the keys that are missing. Keys that change meanwhile: stop the app first, or run it again with --fresh.`;

const given = words(process.argv.slice(2), ["--yes", "--fresh"], ["--to", "--urls", "--prefix", "--jobs", "--out"], USAGE);
const OUT = given.out ?? "migrate-out";
const PARTIAL = join(OUT, "kv.jsonl.partial");

/** Deployments get a fresh URL in a file each hour; it goes before the variable. Another file can be named, for tests. */
function database() {
  const file = process.env.MIGRATE_KV_FILE || "/tmp/replitdb";
  const url = (existsSync(file) ? readFileSync(file, "utf8").trim() : "") || process.env.REPLIT_DB_URL;
  if (!url) throw new Unready("REPLIT_DB_URL is not set: this app has no key-value store, or this is not its Shell");
  if (!URL.canParse(url)) throw new Unready("REPLIT_DB_URL is no URL: take the one of this app's Shell, with https:// at its start");
  return url;
}

const gone = Symbol("gone");

async function ofKey(key) {
  let found = true;
  const value = await again(
    `reading key ${JSON.stringify(key)}`,
    async () => {
      const answer = await request("GET", new URL(`${database()}/${encodeURIComponent(key)}`), {});
      // Deleted since the list was made.
      if (answer.statusCode === 404) {
        found = false;
        answer.statusCode = 204;
      }
      return answer;
    },
    text,
  );
  return found ? value : gone;
}

function line(key, value) {
  try {
    return `${JSON.stringify({ key, value: JSON.parse(value) })}\n`;
  } catch {
    return `${JSON.stringify({ key, raw: value })}\n`;
  }
}

/** Keys that an interrupted run has read; a torn last line is cut. */
function before() {
  if (given.fresh) rmSync(PARTIAL, { force: true });
  if (!existsSync(PARTIAL)) return new Set();
  const all = readFileSync(PARTIAL);
  const whole = all.lastIndexOf(10) + 1;
  truncateSync(PARTIAL, whole);
  return new Set(all.subarray(0, whole).toString("utf8").split("\n").filter(Boolean).map((l) => JSON.parse(l).key));
}

await run(async () => {
  if (given.to && given.urls) throw new Unready("--to and --urls are two ways to the same place: give one", 2);
  const target = given.to ? new Bucket(given.to) : given.urls ? new Urls(readFileSync(given.urls, "utf8")) : null;
  const home = given.to ?? target?.urls?.get("#to");
  const listed = await again("listing keys", () => request("GET", new URL(`${database()}?encode=true&prefix=${encodeURIComponent(given.prefix ?? "")}`), {}), text);
  const keys = listed.split("\n").filter((key) => key.length > 0).map(decodeURIComponent);
  mkdirSync(OUT, { recursive: true, mode: 0o700 });
  const have = before();
  await ask(
    [
      `reads:  ${keys.length} keys of the key-value store at ${new URL(database()).host}${have.size > 0 ? ` (${have.size} were read before)` : ""}`,
      `writes: ${join(OUT, "kv.jsonl")}`,
      `sends:  ${home ? `to ${home}` : given.urls ? "to the URLs of the file" : "nothing: download the file"}`,
    ],
    given.yes,
  );
  if (!existsSync(PARTIAL)) writeFileSync(PARTIAL, "", { mode: 0o600 });
  const waiting = keys.filter((key) => !have.has(key));
  let read = have.size;
  const worker = async () => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
      const value = await ofKey(key);
      if (value === gone) {
        console.log("a key was deleted meanwhile: left out");
        continue;
      }
      appendFileSync(PARTIAL, line(key, value));
      if ((read += 1) % 500 === 0) console.log(`read ${read} of ${keys.length}`);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(given.jobs ?? 8)) }, worker));
  // In one order and each key once, so that two exports of the same store are the same file.
  const lines = [...new Map(readFileSync(PARTIAL, "utf8").split("\n").filter(Boolean).map((l) => [JSON.parse(l).key, l]))];
  const wanted = new Set(keys);
  const body = lines.filter(([key]) => wanted.has(key)).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(([, l]) => `${l}\n`);
  const data = Buffer.from(body.join(""));
  const file = join(OUT, "kv.jsonl");
  writeFileSync(`${file}.new`, data, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  const digest = (kind, form) => createHash(kind).update(data).digest(form);
  const entry = { name: "kv.jsonl", size: data.length, md5: digest("md5", "hex"), sha256: digest("sha256", "hex") };
  const head = { what: "kv", from: new URL(database()).host, to: home ?? null, at: new Date().toISOString(), keys: body.length };
  const list = manifest(head, [entry]);
  writeFileSync(join(OUT, "kv.manifest.jsonl"), list);
  if (target) {
    await target.put("kv.jsonl", data.length, { "content-type": "application/x-ndjson", "content-md5": digest("md5", "base64") }, () => createReadStream(file));
    const bytes = Buffer.from(list);
    if (!target.has || target.has("kv.manifest.jsonl")) await target.put("kv.manifest.jsonl", bytes.length, { "content-type": "application/x-ndjson" }, () => bytes);
  }
  rmSync(PARTIAL, { force: true });
  console.log(`${body.length} keys, ${data.length} bytes${target ? ", sent" : `: ${file}`}. Take kv.manifest.jsonl home, then: migrate-wizard app export --check kv.manifest.jsonl${home ? ` --to ${home}` : ""}`);
  return 0;
});
