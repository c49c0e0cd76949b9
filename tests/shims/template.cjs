// The template's routes on the replaced service, compiled and driven as a browser would. Run by tests/shims.rs.
const assert = require("node:assert/strict");
const express = require("express");
const { registerObjectStorageRoutes } = require("./routes.js");
const { ObjectStorageService, ObjectNotFoundError, objectStorageClient } = require("./objectStorage.js");
const { setObjectAclPolicy, getObjectAclPolicy, policyTags } = require("./objectAcl.js");

(async () => {
  const app = express();
  app.use(express.json());
  registerObjectStorageRoutes(app);
  const server = app.listen(0, "127.0.0.1");
  await new Promise((go) => server.once("listening", go));
  const base = `http://127.0.0.1:${server.address().port}`;
  const json = (method, path, body, headers) =>
    fetch(base + path, { method, body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } });

  // Upload as Uppy does it: a plain PUT to the signed URL, with the browser's own content type.
  const asked = await (await json("POST", "/api/uploads/request-url", { name: "cat.png", size: 3, contentType: "image/png" })).json();
  assert.match(asked.objectPath, /^\/objects\/uploads\/[0-9a-f-]{36}$/);
  assert.doesNotMatch(asked.uploadURL, /x-amz-(sdk-)?checksum/i, "a browser cannot know the check sum");
  const put = await fetch(asked.uploadURL, { method: "PUT", body: "cat", headers: { "content-type": "image/png" } });
  assert.equal(put.status, 200);
  assert.equal((await fetch(base + asked.objectPath)).status, 401, "no policy, no access");

  const kept = await json("PUT", "/api/images", { imageURL: asked.uploadURL.split("?")[0], visibility: "private" }, { "x-test-user": "google-oauth2|1" });
  assert.deepEqual(await kept.json(), { objectPath: asked.objectPath });
  assert.equal((await fetch(base + asked.objectPath, { headers: { "x-test-user": "another" } })).status, 401);
  const mine = await fetch(base + asked.objectPath, { headers: { "x-test-user": "google-oauth2|1" } });
  assert.equal(await mine.text(), "cat");
  assert.deepEqual(["content-type", "content-length", "cache-control"].map((h) => mine.headers.get(h)), ["image/png", "3", "private, max-age=3600"]);
  await json("PUT", "/api/images", { imageURL: asked.uploadURL, visibility: "public" }, { "x-test-user": "google-oauth2|1" });
  const seen = await fetch(base + asked.objectPath);
  assert.deepEqual([seen.status, seen.headers.get("cache-control")], [200, "public, max-age=3600"]);
  assert.equal((await fetch(`${base}/objects/uploads/none`)).status, 404);
  const web = await fetch(`${base}/api/storage${asked.objectPath}`);
  assert.deepEqual([await web.text(), web.headers.get("content-type")], ["cat", "image/png"]);

  const bucket = process.env.PRIVATE_OBJECT_DIR.split("/")[1];
  await objectStorageClient.bucket(bucket).file("public/logo.svg").save("<svg/>", { contentType: "image/svg+xml" });
  const logo = await fetch(`${base}/public-objects/logo.svg`);
  assert.deepEqual([await logo.text(), logo.headers.get("content-type")], ["<svg/>", "image/svg+xml"]);
  assert.equal((await fetch(`${base}/public-objects/none.svg`)).status, 404);
  const made = await (await json("POST", "/api/generated", { text: "hello" })).json();
  assert.deepEqual(made, { exists: true, size: 5, contentType: "text/plain", policy: { owner: "maker", visibility: "private" } });

  // What the rows of an app hold.
  const service = new ObjectStorageService();
  for (const [raw, path] of [
    ["https://storage.googleapis.com/replit-objstore-1234/.private/uploads/u1", "/objects/uploads/u1"],
    ["https://storage.googleapis.com/replit-objstore-1234/.private/uploads/u1?X-Goog-Signature=x", "/objects/uploads/u1"],
    ["https://storage.googleapis.com/replit-objstore-1234/public/logo.svg", "/replit-objstore-1234/public/logo.svg"],
    [`https://${bucket}.s3.eu-central-1.amazonaws.com/.private/uploads/u2?X-Amz-Signature=x`, "/objects/uploads/u2"],
    [`https://${bucket}.s3.amazonaws.com/.private/a%20b`, "/objects/a b"],
    [`https://s3.us-east-1.amazonaws.com/${bucket}/.private/uploads/u3`, "/objects/uploads/u3"],
    ["https://other.s3.us-east-1.amazonaws.com/.private/uploads/u4", "/other/.private/uploads/u4"],
    ["https://example.com/.private/uploads/u5", "https://example.com/.private/uploads/u5"],
    ["/objects/uploads/u6", "/objects/uploads/u6"],
  ]) assert.equal(service.normalizeObjectEntityPath(raw), path, raw);
  assert.equal(await service.trySetObjectEntityAclPolicy("https://example.com/x.png", { owner: "o", visibility: "public" }), "https://example.com/x.png");
  await assert.rejects(service.getObjectEntityFile("/elsewhere/x"), ObjectNotFoundError);

  // Policies: rules of any length that tags hold, tags of others stay.
  const file = objectStorageClient.bucket(bucket).file(".private/uploads/long");
  await file.save("x");
  const long = { owner: "o".repeat(40), visibility: "public", aclRules: Array.from({ length: 12 }, (_, n) => ({ group: { type: "team", id: `team-${n}-ü` }, permission: "read" })) };
  await setObjectAclPolicy(file, long);
  assert.deepEqual(await getObjectAclPolicy(file), long);
  await setObjectAclPolicy(file, { owner: "o", visibility: "private" });
  assert.deepEqual(await getObjectAclPolicy(file), { owner: "o", visibility: "private" });
  await file.setMetadata({ contentType: "text/css" });
  assert.equal((await file.getMetadata())[0].contentType, "text/css");
  assert.deepEqual(await getObjectAclPolicy(file), { owner: "o", visibility: "private" }, "a change of metadata keeps the policy");
  assert.throws(() => policyTags({ owner: "o".repeat(3000), visibility: "private" }), /needs \d+ tags and S3 leaves 10/);
  const parts = [];
  for await (const chunk of logoStream(bucket)) parts.push(chunk);
  assert.equal(Buffer.concat(parts).toString(), "svg");
  await file.delete();
  assert.deepEqual(await file.exists(), [false]);
  server.close();
  console.log("all of the template's routes hold");
})().catch((error) => { console.error(error); process.exit(1); });

const logoStream = (bucket) => objectStorageClient.bucket(bucket).file("public/logo.svg").createReadStream({ start: 1, end: 3 });
