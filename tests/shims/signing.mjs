// The signatures that s3.mjs and database.sh make are those that Amazon's own signer makes for what arrived. The emulator checks signed
// URLs but not signed headers, so this does. Arguments: the folder of the scripts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { SignatureV4 } = createRequire(import.meta.url)("@smithy/signature-v4");
const scripts = resolve(process.argv[2]);
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret/with+signs=", sessionToken: "token/+==" };

class Sha256 {
  constructor(key) { this.hash = key ? createHmac("sha256", Buffer.from(key)) : createHash("sha256"); }
  update(data) { this.hash.update(typeof data === "string" ? data : Buffer.from(data)); }
  async digest() { return new Uint8Array(this.hash.digest()); }
}
const signer = new SignatureV4({ credentials, region: "eu-central-1", service: "s3", sha256: Sha256, uriEscapePath: false, applyChecksum: false });

const wrong = [];
let checked = 0;
const server = http.createServer(async (request, response) => {
  request.resume();
  const { authorization = "", ...headers } = request.headers;
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1].split(";") ?? [];
  const [path, asked = ""] = request.url.split("?");
  const query = Object.fromEntries(asked.split("&").filter(Boolean).map((pair) => pair.split("=").map(decodeURIComponent)));
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(headers["x-amz-date"]);
  const only = Object.fromEntries(signed.filter((name) => headers[name] !== undefined).map((name) => [name, headers[name]]));
  const again = await signer.sign(
    { method: request.method, protocol: "http:", hostname: "127.0.0.1", path, query, headers: only },
    { signingDate: new Date(Date.UTC(date[1], date[2] - 1, date[3], date[4], date[5], date[6])), signableHeaders: new Set(signed) },
  );
  const signature = (text) => /Signature=([0-9a-f]+)/.exec(text)?.[1];
  checked += 1;
  if (signature(again.headers.authorization) !== signature(authorization) || headers["x-amz-security-token"] !== credentials.sessionToken) wrong.push(`${request.method} ${request.url}`);
  response.writeHead(200, { etag: '"x"' });
  response.end(request.method === "POST" ? "<UploadId>u+/=</UploadId>" : "");
});
await new Promise((go) => server.listen(0, "127.0.0.1", go));
const env = {
  ...process.env, AWS_REGION: "eu-central-1", AWS_ENDPOINT_URL: `http://127.0.0.1:${server.address().port}`,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey, AWS_SESSION_TOKEN: credentials.sessionToken,
};

const { Bucket } = await import(pathToFileURL(join(scripts, "s3.mjs")));
const bucket = new Bucket("s3://my-bucket/prefix", env);
for (const name of ["plain.txt", "ü ber (1)+%&=.txt", "a/../b//c/", "it's!*", "日本"]) {
  await bucket.put(name, 2, { "content-type": "text/plain", "x-amz-tagging": "a=b%20c&d=e", "x-amz-meta-two": "a  b" }, () => "hi");
  await bucket.part(name, "u+/=", 3, 2, () => "hi");
  await bucket.complete(name, await bucket.begin(name, {}), ["x"]);
  await bucket.tag(name, "a=b%20c");
  await bucket.holds(name, "u+/=");
}
assert.equal(checked, 30);
assert.deepEqual(wrong, [], "signatures of s3.mjs");

// database.sh leaves signing to curl.
const folder = mkdtempSync(join(tmpdir(), "signing-"));
writeFileSync(join(folder, "pg_dump"), '#!/bin/sh\nfor word in "$@"; do case $word in --file=*) printf dump > "${word#--file=}";; esac; done\n', { mode: 0o755 });
const bash = spawn("bash", [join(scripts, "database.sh"), "--to", "s3://my-bucket/dump", "--yes", "--out", join(folder, "out")], {
  env: { ...env, DATABASE_URL: "postgresql://postgres:x@helium/heliumdb?sslmode=disable", PATH: `${folder}:${env.PATH}` },
});
let said = "";
for (const stream of [bash.stdout, bash.stderr]) stream.on("data", (data) => { said += data; });
const code = await new Promise((go) => bash.on("close", go));
assert.equal(code, 0, said);
assert.equal(checked, 32, said);
assert.deepEqual(wrong, [], "signatures of curl");
assert.ok(!said.includes(credentials.secretAccessKey) && !said.includes(credentials.sessionToken));

// And the judge does judge.
await new Bucket("s3://my-bucket", { ...env, AWS_SECRET_ACCESS_KEY: "another" }).put("x", 2, {}, () => "hi");
assert.deepEqual(wrong, ["PUT /my-bucket/x"]);
console.log(`${checked - 1} signatures are right`);
process.exit(0);
