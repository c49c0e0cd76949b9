// An app's use of @replit/object-storage, against the drop-in. Run by tests/shims.rs, which gives S3 and an empty bucket.
const assert = require("node:assert/strict");
const { mkdtempSync, readFileSync, writeFileSync, existsSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { Readable } = require("node:stream");
const { Client, StreamRequestError } = require("@replit/object-storage");

(async () => {
  const client = new Client();
  const folder = mkdtempSync(join(tmpdir(), "shim-"));
  const done = { ok: true, value: null };

  assert.deepEqual(await client.uploadFromText("notes/a.txt", "grüße"), done);
  assert.deepEqual(await client.downloadAsText("notes/a.txt"), { ok: true, value: "grüße" });
  const packed = await client.downloadAsBytes("notes/a.txt", { decompress: false });
  assert.equal(packed.value[0].readUInt16BE(0), 0x1f8b, "stored with gzip by default");

  const bytes = Buffer.from([0, 255, 1, 254]);
  assert.deepEqual(await client.uploadFromBytes("b.bin", bytes, { compress: false }), done);
  assert.deepEqual(await client.downloadAsBytes("b.bin"), { ok: true, value: [bytes] });
  assert.deepEqual((await client.downloadAsBytes("b.bin", { decompress: false })).value, [bytes]);
  assert.deepEqual(await client.uploadFromBytes("empty", Buffer.alloc(0)), done);
  assert.equal((await client.downloadAsText("empty")).value, "");

  writeFileSync(join(folder, "in"), "from a file");
  assert.deepEqual(await client.uploadFromFilename("notes/sub/ü (1)+%.txt", join(folder, "in")), done);
  assert.deepEqual(await client.downloadToFilename("notes/sub/ü (1)+%.txt", join(folder, "out")), done);
  assert.equal(readFileSync(join(folder, "out"), "utf8"), "from a file");

  // More than two parts of a multipart upload, and a stream in pieces that fit no part.
  const piece = Buffer.alloc(999_983, 7);
  const big = Readable.from((function* () { for (let at = 0; at < 40; at += 1) { piece[0] = at; yield Buffer.from(piece); } })());
  assert.equal(await client.uploadFromStream("big", big, { compress: false }), undefined);
  let at = 0;
  let sum = 0;
  for await (const chunk of client.downloadAsStream("big")) for (const byte of chunk) { if (at % 999_983 === 0) sum += byte; at += 1; }
  assert.equal(at, 40 * 999_983);
  assert.equal(sum, (39 * 40) / 2, "every piece is where it was");

  const broken = Readable.from((function* () { yield Buffer.alloc(10); throw new Error("the disk is gone"); })());
  await assert.rejects(client.uploadFromStream("broken", broken), (error) => error instanceof StreamRequestError && /the disk is gone/.test(error.message));
  assert.deepEqual(await client.exists("broken"), { ok: true, value: false });

  assert.deepEqual(await client.copy("notes/sub/ü (1)+%.txt", "notes/copy.txt"), done);
  assert.equal((await client.downloadAsText("notes/copy.txt")).value, "from a file");
  const names = async (options) => (await client.list(options)).value.map((object) => object.name);
  assert.deepEqual(await names(), ["b.bin", "big", "empty", "notes/a.txt", "notes/copy.txt", "notes/sub/ü (1)+%.txt"]);
  assert.deepEqual(await names({ prefix: "notes/", maxResults: 2 }), ["notes/a.txt", "notes/copy.txt"]);
  assert.deepEqual(await names({ startOffset: "big", endOffset: "notes/b" }), ["big", "empty", "notes/a.txt"]);
  assert.deepEqual(await names({ matchGlob: "notes/*.txt" }), ["notes/a.txt", "notes/copy.txt"]);
  assert.deepEqual(await names({ matchGlob: "**/*.{txt,bin}" }), ["b.bin", "notes/a.txt", "notes/copy.txt", "notes/sub/ü (1)+%.txt"]);

  const missing = await client.downloadAsText("nowhere");
  assert.deepEqual(missing, { ok: false, error: { message: "The requested object could not be found", statusCode: 404 } });
  assert.equal((await client.downloadToFilename("nowhere", join(folder, "none"))).ok, false);
  assert.equal(existsSync(join(folder, "none")), false);
  await assert.rejects(async () => { for await (const _ of client.downloadAsStream("nowhere")); }, StreamRequestError);
  assert.deepEqual(await client.exists("big"), { ok: true, value: true });
  assert.deepEqual(await client.delete("big"), done);
  assert.equal((await client.delete("big")).error.statusCode, 404);
  assert.deepEqual(await client.delete("big", { ignoreNotFound: true }), done);

  // An old bucket's id means the new bucket; none at all is told.
  assert.equal((await new Client({ bucketId: "replit-objstore-0000" }).downloadAsText("notes/a.txt")).value, "grüße");
  delete process.env.DEFAULT_OBJECT_STORAGE_BUCKET_ID;
  assert.match((await new Client().exists("x")).error.message, /set DEFAULT_OBJECT_STORAGE_BUCKET_ID/);
  console.log("all of object-storage holds");
})().catch((error) => { console.error(error); process.exit(1); });
