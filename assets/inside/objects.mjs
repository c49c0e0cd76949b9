// Copies the objects of App Storage (Object Storage) to S3: names, bytes, content type, encoding, cache control, custom metadata and the
// access policy. Runs only inside Replit, because only there the sidecar gives access. Written by migrate-wizard app export.
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Transform } from "node:stream";
import { Bucket, Failed, Unready, again, ask, manifest, request, run, text, words } from "./s3.mjs";

const USAGE = `usage: node objects.mjs --to s3://BUCKET [--bucket ID] [--prefix TEXT] [--jobs N] [--out DIR] [--list] [--yes]
  --to      the S3 bucket; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION come from the Secrets pane
  --bucket  the bucket at Replit (default: the app's own)      --prefix  only objects whose names begin so
  --list    only write the list of objects, send nothing       --out     where its state and the manifest go (default: ./migrate-out)
Run it as a workflow: what is started with & or nohup is ended by Replit within minutes. Run again, it goes on where it stopped.`;

const given = words(process.argv.slice(2), ["--yes", "--list"], ["--to", "--bucket", "--prefix", "--jobs", "--out"], USAGE);
// Both can be pointed elsewhere, for tests with stand-ins.
const SIDECAR = process.env.MIGRATE_SIDECAR_URL || "http://127.0.0.1:1106";
const STORE = process.env.MIGRATE_STORE_URL || "https://storage.googleapis.com";
/** One request of S3 takes 5 GB; the figure can be lowered for tests. */
const ONE_PUT = Number(process.env.MIGRATE_ONE_PUT_BYTES || 5_000_000_000);
const PART = Number(process.env.MIGRATE_PART_BYTES || 256 * 1024 * 1024);
const OUT = given.out ?? "migrate-out";
const STATE = join(OUT, "objects.state.jsonl");

// --- the store at Replit

let token = { value: "", until: 0 };

/** The sidecar's credential, exchanged for a token of the store, as Google's libraries do it. */
async function bearer() {
  if (Date.now() < token.until) return `Bearer ${token.value}`;
  const sidecar = (method, path, headers, body) =>
    again(`asking Replit's sidecar for ${path}`, () => request(method, new URL(SIDECAR + path), headers, body), async (answer) => JSON.parse(await text(answer)));
  const subject = await sidecar("GET", "/credential", {});
  const form = new URLSearchParams({
    audience: "replit",
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
    scope: "https://www.googleapis.com/auth/devstorage.read_only",
    subject_token: subject.access_token,
    subject_token_type: "access_token",
  }).toString();
  const got = await sidecar("POST", "/token", { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(form) }, form);
  token = { value: got.access_token, until: Date.now() + ((got.expires_in ?? 600) - 60) * 1000 };
  return `Bearer ${token.value}`;
}

async function store(path, headers = {}) {
  const answer = await request("GET", new URL(STORE + path), { ...headers, authorization: await bearer() });
  // An old token is asked for anew.
  if (answer.statusCode === 401) {
    token.until = 0;
    answer.resume();
    return request("GET", new URL(STORE + path), { ...headers, authorization: await bearer() });
  }
  return answer;
}

async function defaultBucket() {
  const answer = await again("asking Replit's sidecar for the bucket", () => request("GET", new URL(`${SIDECAR}/object-storage/default-bucket`), {}), text);
  const id = JSON.parse(answer).bucketId;
  if (!id) throw new Unready("this app has no default bucket: name one with --bucket (it is in .replit, [objectStorage] defaultBucketID)");
  return id;
}

async function list(bucket, prefix) {
  const found = [];
  let page = "";
  do {
    const query = new URLSearchParams({ maxResults: "1000", prefix: prefix ?? "", ...(page ? { pageToken: page } : {}) });
    const answer = await again(`listing ${bucket}`, () => store(`/storage/v1/b/${encodeURIComponent(bucket)}/o?${query}`), async (a) => JSON.parse(await text(a)));
    found.push(...(answer.items ?? []));
    page = answer.nextPageToken ?? "";
  } while (page);
  return found;
}

/** The object's bytes as they are stored (packed ones stay packed), from one byte to another. */
async function read(bucket, object, from, to) {
  const range = from > 0 || to < object.size - 1 ? { range: `bytes=${from}-${to}` } : {};
  const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(object.name)}?alt=media&generation=${object.generation}`;
  const answer = await store(path, { "accept-encoding": "gzip", ...range });
  if (answer.statusCode !== 200 && answer.statusCode !== 206) {
    answer.resume();
    const error = new Error(`the store answered ${answer.statusCode}`);
    if (answer.statusCode === 404) throw new Failed(`${object.name}: it was changed or deleted since the list was made: run this again`);
    throw error;
  }
  return answer;
}

// --- check sums

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0x82f63b78 : n >>> 1;
  return n >>> 0;
});

/** MD5 and CRC32C of what passes through. */
class Sums extends Transform {
  md5 = createHash("md5");
  crc = 0xffffffff;
  bytes = 0;
  _transform(chunk, _encoding, done) {
    this.md5.update(chunk);
    let crc = this.crc;
    for (let at = 0; at < chunk.length; at += 1) crc = TABLE[(crc ^ chunk[at]) & 0xff] ^ (crc >>> 8);
    this.crc = crc;
    this.bytes += chunk.length;
    done(null, chunk);
  }
  get crc32c() {
    return (this.crc ^ 0xffffffff) >>> 0;
  }
}

const times = (matrix, vector) => {
  let sum = 0;
  for (let at = 0; vector; at += 1, vector >>>= 1) if (vector & 1) sum ^= matrix[at];
  return sum >>> 0;
};
const square = (matrix) => matrix.map((row) => times(matrix, row));

/** The CRC32C of two pieces put together, from theirs and the length of the second: parts that an earlier run sent count without being read. */
function joined(first, second, length) {
  let shift = square(square(Array.from({ length: 32 }, (_, at) => (at === 0 ? 0x82f63b78 : 2 ** (at - 1)))));
  for (let left = length; left > 0; left = Math.floor(left / 2)) {
    shift = square(shift);
    if (left % 2 === 1) first = times(shift, first);
  }
  return (first ^ second) >>> 0;
}

const inBase64 = (crc) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString("base64");
};

// --- what S3 is told of an object

const OURS = "custom:aclPolicy";

/** The policy as the tags that objectAcl.ts reads; see there. */
function tags(object) {
  const raw = object.metadata?.[OURS];
  if (!raw) return {};
  let policy;
  try {
    policy = JSON.parse(raw);
  } catch {
    throw new Failed(`${object.name}: its access policy is no JSON; mend it at Replit, or leave the object out with --prefix`);
  }
  const pieces = Buffer.from(JSON.stringify(policy)).toString("base64").match(/.{1,256}/g);
  if (pieces.length > 9) throw new Failed(`${object.name}: its access policy is longer than the tags of S3 hold`);
  const all = [["acl-visibility", policy.visibility === "public" ? "public" : "private"], ...pieces.map((p, at) => [at === 0 ? "acl-policy" : `acl-policy-${at + 1}`, p])];
  return { "x-amz-tagging": all.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&") };
}

/** A header is plain ASCII; a file name that is not goes in the form that HTTP has for it (RFC 6266). */
function plain(name, header, value) {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  const file = /filename="([^"]*)"/.exec(value);
  const other = value.replace(/[^\x20-\x7e]/gu, "_");
  if (header !== "content-disposition" || !file) throw new Failed(`${name}: its ${header} is not plain ASCII; mend it at Replit`);
  return `${other}; filename*=UTF-8''${encodeURIComponent(file[1]).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;
}

function told(object) {
  const headers = { "content-type": object.contentType || "application/octet-stream", ...tags(object) };
  for (const [ours, theirs] of [["contentEncoding", "content-encoding"], ["cacheControl", "cache-control"], ["contentDisposition", "content-disposition"], ["contentLanguage", "content-language"]]) {
    if (object[ours]) headers[theirs] = plain(object.name, theirs, object[ours]);
  }
  for (const [key, value] of Object.entries(object.metadata ?? {})) {
    if (key === OURS) continue;
    const name = key.toLowerCase().replace(/[^a-z0-9-]/g, "-");
    // What is not plain ASCII goes as RFC 2047 says, which is how S3 gives it back.
    headers[`x-amz-meta-${name}`] = /^[\x20-\x7e]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString("base64")}?=`;
  }
  return headers;
}

// --- the transfer

/** What earlier runs did: whole objects, and parts of one under way. A last line that was torn by a crash is dropped. */
function remembered() {
  const done = new Map();
  const open = new Map();
  if (!existsSync(STATE)) return { done, open };
  const all = readFileSync(STATE);
  const whole = all.lastIndexOf(10) + 1;
  if (whole < all.length) truncateSync(STATE, whole);
  for (const line of all.subarray(0, whole).toString("utf8").split("\n").filter(Boolean)) {
    const entry = JSON.parse(line);
    const key = `${entry.to}\n${entry.name}\n${entry.generation}`;
    if (entry.done) done.set(key, entry.done);
    else if (entry.upload) open.set(key, { upload: entry.upload, size: entry.partSize, parts: [] });
    else if (entry.part) open.get(key)?.parts.push(entry.part);
    else open.delete(key);
  }
  return { done, open };
}

function remember(to, object, what) {
  appendFileSync(STATE, `${JSON.stringify({ to, name: object.name, generation: object.generation, ...what })}\n`);
}

function check(object, crc, md5) {
  if (object.md5Hash && md5 && md5 !== object.md5Hash) throw new Failed(`${object.name}: the bytes that came are not those of its MD5: run this again`);
  if (object.crc32c && inBase64(crc) !== object.crc32c) throw new Failed(`${object.name}: the bytes that came are not those of its CRC32C: run this again`);
}

async function whole(from, to, object) {
  let sums;
  // S3 refuses what does not fit the sum that the store keeps.
  const guard = object.md5Hash ? { "content-md5": object.md5Hash } : {};
  const etag = await to.put(object.name, object.size, { ...told(object), ...guard }, async () => {
    sums = new Sums();
    const body = await read(from, object, 0, object.size - 1);
    body.on("error", (error) => sums.destroy(error));
    body.on("aborted", () => sums.destroy(new Error("the store broke off")));
    return body.pipe(sums);
  });
  const md5 = sums.md5.digest();
  check(object, sums.crc32c, md5.toString("base64"));
  return { size: sums.bytes, md5: md5.toString("hex"), crc32c: inBase64(sums.crc32c), etag };
}

async function inParts(from, to, object, before) {
  const target = `${to.bucket}/${to.prefix}`;
  let open = before && (await to.holds(object.name, before.upload)) ? before : null;
  if (!open) {
    // The policy's tags follow when it is whole: not every store of the kind takes them here.
    const { "x-amz-tagging": _later, ...headers } = told(object);
    open = { upload: await to.begin(object.name, headers), size: Math.max(PART, Math.ceil(object.size / 10_000)), parts: [] };
    remember(target, object, { upload: open.upload, partSize: open.size });
  }
  const count = Math.ceil(object.size / open.size);
  for (let number = open.parts.length + 1; number <= count; number += 1) {
    const start = (number - 1) * open.size;
    const end = Math.min(start + open.size, object.size) - 1;
    let sums;
    const etag = await to.part(object.name, open.upload, number, end - start + 1, async () => {
      sums = new Sums();
      const body = await read(from, object, start, end);
      body.on("error", (error) => sums.destroy(error));
      body.on("aborted", () => sums.destroy(new Error("the store broke off")));
      return body.pipe(sums);
    });
    const part = { etag, crc: sums.crc32c, bytes: sums.bytes };
    open.parts.push(part);
    remember(target, object, { part });
    console.log(`  ${object.name}: part ${number} of ${count}`);
  }
  const crc = open.parts.slice(1).reduce((sum, part) => joined(sum, part.crc, part.bytes), open.parts[0].crc);
  try {
    check(object, crc, null);
  } catch (error) {
    // What was sent is worth nothing: the next run begins this object anew.
    remember(target, object, { upload: "", partSize: 0 });
    throw error;
  }
  await to.complete(object.name, open.upload, open.parts.map((part) => part.etag));
  await to.tag(object.name, tags(object)["x-amz-tagging"]);
  return { size: object.size, ...(object.md5Hash ? { md5: Buffer.from(object.md5Hash, "base64").toString("hex") } : {}), crc32c: inBase64(crc), parts: count };
}

const sized = (bytes) => (bytes < 1024 ** 2 ? `${bytes} bytes` : bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MiB` : `${(bytes / 1024 ** 3).toFixed(2)} GiB`);

await run(async () => {
  if (!given.list && !given.to) throw new Unready(`where to? --to s3://BUCKET\n${USAGE}`, 2);
  const to = given.list ? null : new Bucket(given.to);
  const from = given.bucket ?? (await defaultBucket());
  const objects = (await list(from, given.prefix)).map((object) => ({ ...object, size: Number(object.size) }));
  const bytes = objects.reduce((sum, object) => sum + object.size, 0);
  mkdirSync(OUT, { recursive: true, mode: 0o700 });
  if (!to) {
    const lines = objects.map(({ name, size, contentType, md5Hash, crc32c }) => JSON.stringify({ name, size, contentType, md5Hash, crc32c }));
    writeFileSync(join(OUT, "objects.list.jsonl"), lines.map((line) => `${line}\n`).join(""));
    console.log(`${objects.length} objects, ${sized(bytes)}: ${join(OUT, "objects.list.jsonl")}`);
    return 0;
  }
  const target = `${to.bucket}/${to.prefix}`;
  const { done, open } = remembered();
  const key = (object) => `${target}\n${object.name}\n${object.generation}`;
  const left = objects.filter((object) => !done.has(key(object)));
  await ask(
    [
      `reads:  ${objects.length} objects, ${sized(bytes)}, of ${from} by Replit's sidecar`,
      `sends:  to s3://${target} in ${to.region}; objects of the same names there are replaced`,
      `to do:  ${left.length} (${objects.length - left.length} were sent before)`,
    ],
    given.yes,
  );
  const failed = [];
  let there = objects.length - left.length;
  const waiting = [...left];
  const worker = async () => {
    for (let object = waiting.shift(); object; object = waiting.shift()) {
      try {
        const entry = object.size > ONE_PUT ? await inParts(from, to, object, open.get(key(object))) : await whole(from, to, object);
        remember(target, object, { done: entry });
        done.set(key(object), entry);
        console.log(`sent ${(there += 1)} of ${objects.length}: ${object.name} (${sized(object.size)})`);
      } catch (error) {
        failed.push(object.name);
        console.error(error instanceof Failed ? error.message : `${object.name}: ${error.code ?? error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(given.jobs ?? 4)) }, worker));
  if (failed.length > 0) throw new Failed(`${failed.length} of ${objects.length} objects were not sent, the first is ${failed[0]}`);
  const entries = objects.map((object) => ({
    name: object.name,
    ...done.get(key(object)),
    contentType: object.contentType,
    ...(object.metadata?.[OURS] ? { acl: JSON.parse(object.metadata[OURS]) } : {}),
  }));
  const path = join(OUT, "objects.manifest.jsonl");
  writeFileSync(`${path}.partial`, manifest({ what: "objects", from, to: `s3://${target}`, at: new Date().toISOString() }, entries));
  renameSync(`${path}.partial`, path);
  console.log(`all ${objects.length} objects are there. Take ${path} home, then: migrate-wizard app export --check objects.manifest.jsonl --to s3://${target}`);
  return 0;
});
