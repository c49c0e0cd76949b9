// Every object of the stand-in is in the bucket, byte for byte, with type, encoding, policy and metadata; and nothing else is.
const assert = require("node:assert/strict");
const { S3Client, GetObjectCommand, ListObjectsV2Command } = require("@aws-sdk/client-s3");
const { File } = require("./objectStorage.js");
const { getObjectAclPolicy } = require("./objectAcl.js");
const [standin, Bucket] = process.argv.slice(2);

(async () => {
  const s3 = new S3Client({ forcePathStyle: true });
  const there = (await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? [];
  const all = await (await fetch(`${standin}/all`)).json();
  assert.deepEqual(there.map((o) => o.Key).sort(), all.map((o) => o.name).sort());
  for (const object of all) {
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: object.name }));
    const bytes = Buffer.from(await got.Body.transformToByteArray());
    assert.ok(bytes.equals(Buffer.from(object.data, "base64")), object.name);
    assert.equal(got.ContentType, object.contentType, object.name);
    assert.equal(got.ContentEncoding || undefined, object.contentEncoding, object.name);
    assert.equal(got.CacheControl, object.cacheControl, object.name);
    const disposition = object.contentDisposition?.replace('filename="ü.json"', 'filename="_.json"; filename*=UTF-8\'\'%C3%BC.json');
    assert.equal(got.ContentDisposition, disposition, object.name);
    const { "custom:aclPolicy": acl, ...others } = object.metadata ?? {};
    assert.deepEqual(await getObjectAclPolicy(new File(Bucket, object.name)), acl ? JSON.parse(acl) : null, object.name);
    const said = Object.fromEntries(Object.entries(others).map(([key, value]) => [key.toLowerCase(), /^[\x20-\x7e]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value).toString("base64")}?=`]));
    assert.deepEqual(got.Metadata ?? {}, said, object.name);
  }
  console.log(`${all.length} objects are the same`);
})().catch((error) => { console.error(error); process.exit(1); });
