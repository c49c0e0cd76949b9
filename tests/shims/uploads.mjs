// An Express app with multer, on the drop-in for uploads. Run by tests/shims.rs: with S3 and an empty bucket, and without a bucket.
// usage: node uploads.mjs FILE, the file that keeps the uploads (a module, or CommonJS)
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { Readable } from "node:stream";
import express from "express";
import multer from "multer";
import { HeadObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const loaded = await import(process.argv[2]);
const { uploadStorage, serveUploads, sendUpload, readUpload, streamUpload, writeUpload, hasUpload, sizeOfUpload, removeUpload } = loaded.default ?? loaded;
const Bucket = process.env.S3_BUCKET;
const s3 = Bucket ? new S3Client({ forcePathStyle: true }) : undefined;
const keys = async () => ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map((object) => object.Key).sort();
/** Names below uploads/, wherever they are. */
const kept = async () => (s3 ? (await keys()).filter((key) => key.startsWith("uploads/")).map((key) => key.slice(8)) : existsSync("uploads") ? readdirSync("uploads").sort() : []);

rmSync("uploads", { recursive: true, force: true });
const app = express();
const named = { destination: "uploads/", filename: (_req, file, cb) => cb(null, file.originalname) };
const upload = multer({ storage: uploadStorage(named) });
const small = multer({ storage: uploadStorage({ ...named, destination: path.join(process.cwd(), "uploads") }), limits: { fileSize: 6 * 1024 * 1024 } });
const random = multer({ storage: uploadStorage({ destination: "uploads" }) });
const astray = multer({ storage: uploadStorage({ destination: "uploads", filename: (_req, _file, cb) => cb(null, "../astray") }) });
const failing = multer({ storage: uploadStorage({ destination: "uploads", filename: (_req, _file, cb) => cb(new Error("no name")) }) });
const told = (req, res) => res.json(req.file ?? req.files);
app.post("/one", upload.single("file"), told);
app.post("/many", upload.array("file"), told);
app.post("/small", small.array("file"), told);
app.post("/random", random.single("file"), told);
app.post("/astray", astray.single("file"), told);
app.post("/failing", failing.single("file"), told);
app.use("/uploads", serveUploads("uploads"));
app.use("/cached", serveUploads(path.join(process.cwd(), "uploads"), { maxAge: "7d", immutable: true, setHeaders: (res, file) => res.set("X-File", path.basename(file)) }));
app.get("/file/:name", (req, res, next) => sendUpload(req, res, next, path.join("uploads", req.params.name)));
app.use((_req, res) => res.status(404).send("the app's own page"));
app.use((error, _req, res, _next) => {
  if (error.headers) res.set(error.headers);
  res.status(error.status ?? (error.code === "LIMIT_FILE_SIZE" ? 413 : 500)).json({ code: error.code, message: error.message });
});
const server = app.listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const { port } = server.address();

/** As it is written: `fetch` would work out the dots of a path. */
const ask = (target, headers = {}, method = "GET") =>
  new Promise((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", path: target, method, headers }, (res) => {
      const parts = [];
      res.on("data", (part) => parts.push(part)).on("error", reject).on("end", () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
    });
    sent.on("error", reject).end();
  });
const post = async (to, ...files) => {
  const form = new FormData();
  for (const [name, bytes, type] of files) form.append("file", new Blob([bytes], { type }), name);
  const res = await fetch(`http://127.0.0.1:${port}${to}`, { method: "POST", body: form });
  return { status: res.status, json: await res.json() };
};
const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");

// 6 MiB and a bit: two parts of a multipart upload.
const big = Buffer.alloc(6 * 1024 * 1024 + 12345);
for (let at = 0; at < big.length; at += 1) big[at] = (at * 31 + (at >> 8)) & 255;
const one = await post("/one", ["big.png", big, "text/html"]);
assert.equal(one.status, 200);
const { destination, filename, path: where, size, mimetype, originalname } = one.json;
assert.deepEqual(
  { destination, filename, where, size, mimetype, originalname },
  { destination: "uploads/", filename: "big.png", where: "uploads/big.png", size: big.length, mimetype: "text/html", originalname: "big.png" },
);
assert.deepEqual(await kept(), ["big.png"]);
assert.equal(existsSync("uploads/big.png"), !Bucket, "it is on the disk where there is no bucket, and only there");
if (s3) assert.match((await s3.send(new HeadObjectCommand({ Bucket, Key: "uploads/big.png" }))).ETag, /-2"$/, "it was sent in parts");

const whole = await ask("/uploads/big.png");
assert.equal(whole.status, 200);
assert.equal(sum(whole.body), sum(big), "byte by byte what was sent");
assert.equal(whole.headers["content-type"], "image/png", "by the file's name, whatever its sender said");
assert.equal(whole.headers["content-length"], String(big.length));
assert.equal(whole.headers["accept-ranges"], "bytes");
assert.equal(whole.headers["cache-control"], "public, max-age=0");
assert.ok(Date.parse(whole.headers["last-modified"]) > Date.now() - 600_000, whole.headers["last-modified"]);
const { etag } = whole.headers;
assert.match(etag, /"/);

const head = await ask("/uploads/big.png", {}, "HEAD");
assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [200, String(big.length), 0]);
const part = await ask("/uploads/big.png", { Range: "bytes=6291450-6291469" });
assert.deepEqual([part.status, part.headers["content-range"], part.headers["content-length"]], [206, `bytes 6291450-6291469/${big.length}`, "20"]);
assert.ok(part.body.equals(big.subarray(6291450, 6291470)));
const last = await ask("/uploads/big.png", { Range: "bytes=-5" });
assert.ok(last.status === 206 && last.body.equals(big.subarray(-5)));
const beyond = await ask("/uploads/big.png", { Range: "bytes=99999999-" });
assert.deepEqual([beyond.status, beyond.headers["content-range"]], [416, `bytes */${big.length}`]);
assert.equal((await ask("/uploads/big.png", { Range: "bytes=0-1", "If-Range": '"another"' })).status, 200, "another file by now: all of it");
assert.equal((await ask("/uploads/big.png", { Range: "bytes=0-1", "If-Range": etag })).status, 206);
const same = await ask("/uploads/big.png", { "If-None-Match": etag });
assert.deepEqual([same.status, same.body.length], [304, 0]);
assert.equal((await ask("/uploads/big.png", { "If-None-Match": '"another"' })).status, 200);
assert.equal((await ask("/uploads/big.png", { "If-Modified-Since": whole.headers["last-modified"] })).status, 304);
assert.equal((await ask("/uploads/big.png", { "If-Modified-Since": new Date(0).toUTCString() })).status, 200);

// Names that a person gives, an empty file, several at once, a name made at random.
const many = await post("/many", ["ü (1)+%.txt", "grüße", "text/plain"], ["empty.txt", "", "text/plain"], ["page.html", "<b>hi</b>", "image/png"], ["plain", "x", "text/html"]);
assert.equal(many.status, 200);
const spelled = many.json[0].filename;
assert.equal((await ask(`/uploads/${encodeURIComponent(spelled)}`)).body.toString(), "grüße");
const empty = await ask("/uploads/empty.txt");
assert.deepEqual([empty.status, empty.body.length, empty.headers["content-length"]], [200, 0, "0"]);
assert.equal((await ask("/uploads/page.html")).headers["content-type"], "text/html; charset=utf-8");
assert.equal((await ask("/uploads/plain")).headers["content-type"], "application/octet-stream");
const made = await post("/random", ["a.txt", "x", "text/plain"]);
assert.match(made.json.filename, /^[0-9a-f]{32}$/);
await removeUpload(made.json.path);
const cached = await ask("/cached/plain");
assert.deepEqual([cached.headers["cache-control"], cached.headers["x-file"]], ["public, max-age=604800, immutable", "plain"]);

// What is not there, a folder, a hidden file, and ways out of the folder are the app's own page.
writeFileSync("secret.txt", "secret");
if (s3) for (const Key of ["secret.txt", "uploads/.hidden", ".private/secret.txt"]) await s3.send(new PutObjectCommand({ Bucket, Key, Body: "secret" }));
else writeFileSync("uploads/.hidden", "secret");
mkdirSync("uploads/sub", { recursive: true });
for (const target of [
  "/uploads/nowhere.png", "/uploads", "/uploads/", "/uploads/sub/", "/uploads/.hidden", "/uploads/%2ehidden",
  "/uploads/../secret.txt", "/uploads/..%2fsecret.txt", "/uploads/%2e%2e/secret.txt", "/uploads/%2e%2e%2fsecret.txt", "/uploads/sub/..%2f..%2fsecret.txt",
  "/uploads/..%5csecret.txt", "/uploads//secret.txt", "/uploads/a%00.png", "/uploads/%zz", `/uploads/${"n".repeat(1100)}`,
]) {
  const res = await ask(target);
  // express.static leads a folder to its slash, and refuses some ways out by itself
  if (s3) assert.deepEqual([target, res.status, res.body.toString()], [target, 404, "the app's own page"]);
  assert.ok(!res.body.includes("secret"), target);
}
assert.equal((await ask("/uploads/plain", {}, "POST")).status, 404);

// A file that is too large: an error, and nothing of that request is kept.
const before = await kept();
const large = await post("/small", ["fits.bin", "x"], ["large.bin", big]);
assert.deepEqual([large.status, large.json.code], [413, "LIMIT_FILE_SIZE"]);
assert.deepEqual(await kept(), before);
if (s3) assert.deepEqual((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [], [], "no part is left");
const out = await post("/astray", ["a.txt", "x"]);
assert.deepEqual([out.status, out.json.message], [500, "the file's name leads out of its folder"]);
assert.equal((await post("/failing", ["a.txt", "x"])).json.message, "no name");
assert.deepEqual(await kept(), before);
assert.ok(!existsSync("astray"));

// A sender who goes away in the middle leaves nothing behind.
if (s3) {
  await new Promise((resolve) => {
    const sent = request({ port, host: "127.0.0.1", path: "/one", method: "POST", headers: { "Content-Type": "multipart/form-data; boundary=x", "Content-Length": 50_000_000 } });
    sent.on("error", () => resolve()).on("close", resolve);
    sent.write('--x\r\nContent-Disposition: form-data; name="file"; filename="torn.bin"\r\n\r\n');
    sent.write(big, () => setImmediate(() => sent.destroy()));
  });
  for (let tries = 0; tries < 200 && (await kept()).includes("torn.bin"); tries += 1);
  assert.ok(!(await kept()).includes("torn.bin"), "half a file would look like one");
}

// What takes the place of fs and of res.sendFile, by a path however it is written.
assert.equal((await readUpload("uploads/page.html")).toString(), "<b>hi</b>");
assert.equal((await readUpload(path.resolve("uploads/page.html"))).toString(), "<b>hi</b>");
let length = 0;
for await (const chunk of await streamUpload("./uploads/big.png")) length += chunk.length;
assert.equal(length, big.length);
await writeUpload("uploads/sub/text.txt", "grüße");
await writeUpload("uploads/sub/bytes", new Uint8Array([0, 255]));
await writeUpload("uploads/sub/stream", Readable.from([Buffer.from("a"), Buffer.from("b")]));
assert.deepEqual([(await readUpload("uploads/sub/text.txt")).toString(), [...(await readUpload("uploads/sub/bytes"))], (await readUpload("uploads/sub/stream")).toString()], ["grüße", [0, 255], "ab"]);
assert.deepEqual([await hasUpload("uploads/sub/stream"), await hasUpload("uploads/none")], [true, false]);
await assert.rejects(readUpload("uploads/none"), { code: "ENOENT" });
assert.deepEqual([await sizeOfUpload("uploads/big.png"), await sizeOfUpload("uploads/sub/bytes")], [big.length, 2]);
await assert.rejects(sizeOfUpload("uploads/none"), { code: "ENOENT" });
await removeUpload("uploads/sub/stream");
await removeUpload("uploads/sub/stream");
assert.equal(await hasUpload("uploads/sub/stream"), false);
assert.equal((await ask("/file/page.html")).body.toString(), "<b>hi</b>");
assert.equal((await ask("/file/none")).status, 404);
if (s3) assert.ok(!existsSync("uploads/big.png") && (await keys()).includes("uploads/sub/text.txt"));
else assert.equal(sum(readFileSync("uploads/big.png")), sum(big));
server.close();
console.log(`all of uploads holds ${s3 ? "in S3" : "on the disk"}`);
process.exit(0);
