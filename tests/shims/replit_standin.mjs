// What a Repl reaches on its own: the sidecar with tokens, the store of App Storage behind it, the key-value store. A stand-in of the
// parts that the scripts of assets/inside use, made from the reference; not Google's or Replit's code. Prints its port.
// STANDIN_SECRET is what no script may print; STANDIN_DELAY_MS is waited before an object's bytes; the object STANDIN_FLIP is sent
// with one byte changed, once.
import { createHash } from "node:crypto";
import http from "node:http";
import zlib from "node:zlib";

const secret = process.env.STANDIN_SECRET;
const delay = Number(process.env.STANDIN_DELAY_MS || 0);
let flip = process.env.STANDIN_FLIP ?? "";

function crc32c(data) {
  let crc = ~0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  const out = Buffer.alloc(4);
  out.writeUInt32BE(~crc >>> 0);
  return out.toString("base64");
}

const objects = new Map();
function add(name, data, more = {}, sums = ["md5Hash", "crc32c"]) {
  const all = { md5Hash: createHash("md5").update(data).digest("base64"), crc32c: crc32c(data) };
  const kept = Object.fromEntries(sums.map((sum) => [sum, all[sum]]));
  objects.set(name, { data, meta: { name, generation: String(1000 + objects.size), size: String(data.length), contentType: "application/octet-stream", ...kept, ...more } });
}
const filled = (length, seed) => { const b = Buffer.alloc(length); for (let at = 0; at < length; at += 1) b[at] = (at * 31 + seed + (at >> 8)) & 255; return b; };
const acl = (policy) => ({ metadata: { "custom:aclPolicy": JSON.stringify(policy) } });
for (let n = 0; n < 24; n += 1) add(`.private/uploads/${n}`, filled(1000 + n * 7919, n), { contentType: "image/png", ...acl({ owner: `google-oauth2|${n}`, visibility: n % 2 ? "public" : "private" }) });
add("empty", Buffer.alloc(0));
add("public/ü ber (1)+%&=.txt", Buffer.from("grüße"), { contentType: "text/plain; charset=utf-8", cacheControl: "public, max-age=60", contentDisposition: 'attachment; filename="a.txt"' });
add("packed.json", zlib.gzipSync('{"a":1}'), { contentType: "application/json", contentEncoding: "gzip", contentDisposition: 'attachment; filename="ü.json"', metadata: { Author: "Jürgen", plain: "text" } });
add("a/../b//c/", Buffer.from("an odd name"));
add("composed", filled(300_000, 5), {}, ["crc32c"]);
add("big.bin", filled(17_000_000, 9), acl({ owner: "o", visibility: "private", aclRules: [{ group: { type: "team", id: "t".repeat(300) }, permission: "read" }] }), ["crc32c"]);

const keys = new Map([["user:1", '{"name":"Ann","tags":["ü"]}'], ["a b/c?d=e&f%", '"text"'], ["count", "12"], ["not json", "plain words"], ["empty", '""'], ["line\nbreak", "null"]]);
for (let n = 0; n < 60; n += 1) keys.set(`bulk:${n}`, String(n));

const pause = (ms) => new Promise((go) => setTimeout(go, ms));
const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, "http://x");
  const give = (status, body, type = "application/json") => { response.writeHead(status, { "content-type": type }); response.end(body); };
  const parts = request.url.split("?")[0].split("/").slice(1);
  if (url.pathname === "/credential") return give(200, JSON.stringify({ access_token: `subject-${secret}` }));
  if (url.pathname === "/token") {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (new URLSearchParams(body).get("subject_token") !== `subject-${secret}`) return give(401, "{}");
    return give(200, JSON.stringify({ access_token: `token-${secret}`, expires_in: 3600 }));
  }
  if (url.pathname === "/object-storage/default-bucket") return give(200, JSON.stringify({ bucketId: "replit-objstore-7" }));
  // For the test itself: what is here.
  if (url.pathname === "/all") return give(200, JSON.stringify([...objects.values()].map(({ data, meta }) => ({ ...meta, data: data.toString("base64") }))));
  if (parts[0] === "storage") {
    if (request.headers.authorization !== `Bearer token-${secret}`) return give(401, "{}");
    if (parts[3] !== "replit-objstore-7") return give(404, "{}");
    if (parts.length === 5) {
      const all = [...objects.values()].map(({ meta }) => meta).filter(({ name }) => name.startsWith(url.searchParams.get("prefix") ?? "")).sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
      const from = Number(url.searchParams.get("pageToken") ?? 0);
      return give(200, JSON.stringify({ items: all.slice(from, from + 10), ...(from + 10 < all.length ? { nextPageToken: String(from + 10) } : {}) }));
    }
    const found = objects.get(decodeURIComponent(parts[5]));
    if (!found || found.meta.generation !== url.searchParams.get("generation")) return give(404, "{}");
    await pause(delay);
    let { data } = found;
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (range) data = data.subarray(Number(range[1]), Number(range[2]) + 1);
    if (flip === found.meta.name) { data = Buffer.from(data); data[data.length >> 1] ^= 1; flip = ""; }
    // As the store does: who does not take packed bytes gets them unpacked.
    if (found.meta.contentEncoding === "gzip" && !/gzip/.test(request.headers["accept-encoding"] ?? "")) data = zlib.gunzipSync(found.data);
    response.writeHead(range ? 206 : 200, { "content-type": found.meta.contentType, "content-length": data.length });
    return response.end(data);
  }
  if (parts[0] === "v0") {
    if (parts[1] !== secret) return give(401, "");
    if (parts.length === 2) return give(200, [...keys.keys()].filter((key) => key.startsWith(url.searchParams.get("prefix") ?? "")).map(encodeURIComponent).join("\n"), "text/plain");
    await pause(delay);
    const value = keys.get(decodeURIComponent(parts[2]));
    return value === undefined ? give(404, "") : give(200, value, "text/plain");
  }
  return give(404, "");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
