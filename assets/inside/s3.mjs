// Puts bytes into S3 without any package: signing (AWS Signature Version 4), one request or many parts, with retries.
// Never prints a key, a token or a signed URL. Used by objects.mjs and kv.mjs. Written by migrate-wizard app export.
import { createHash, createHmac } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { setTimeout as pause } from "node:timers/promises";

const TRIES = 5;

/** An error as it may be printed: what was asked of whom, never with what. */
export class Failed extends Error {}
/** Nothing has begun, so there is nothing to go on with: a setting is missing, or (2) the command line is wrong. */
export class Unready extends Failed {
  constructor(message, code = 1) {
    super(message);
    this.exit = code;
  }
}

/**
 * One request; the body goes as it is, and so does the answer (nothing is unpacked). Resolves with status, headers and a stream.
 * `path` is taken as it is: a URL would make another name of `a/../b`.
 */
export function request(method, url, headers, body, path = url.pathname + url.search) {
  return new Promise((resolve, reject) => {
    const { request: open } = url.protocol === "https:" ? https : http;
    const { hostname, port } = url;
    const sent = open({ hostname: hostname.replace(/^\[|\]$/g, ""), port, path, method, headers, timeout: 120_000 }, resolve);
    sent.on("timeout", () => sent.destroy(new Error("nothing was heard for two minutes")));
    sent.on("error", reject);
    if (body && typeof body.pipe === "function") {
      body.on("error", (error) => sent.destroy(error));
      body.pipe(sent);
    } else sent.end(body);
  });
}

export async function text(answer) {
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Does it again after what may pass: a broken line, 408, 429 and 5xx. `once` resolves with an answer; `end` says what of it is wanted. */
export async function again(what, once, end) {
  for (let at = 1; ; at += 1) {
    let why;
    try {
      const answer = await once();
      const status = answer.statusCode;
      if (status >= 200 && status < 300) return await end(answer);
      const said = await text(answer);
      const code = /<Code>([A-Za-z]+)<\/Code>/.exec(said)?.[1] ?? "";
      why = `${status} ${code}`.trim();
      if (!(status >= 500 || status === 408 || status === 429)) throw new Failed(`${what}: refused with ${why}`);
    } catch (error) {
      if (error instanceof Failed) throw error;
      why = error.code ?? error.message;
    }
    if (at === TRIES) throw new Failed(`${what}: ${why}, ${TRIES} times`);
    await pause(Math.min(200 * 2 ** at, 10_000));
  }
}

const strict = (part) => encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const hmac = (key, data) => createHmac("sha256", key).update(data).digest();

/** Where to: `s3://bucket/prefix` with the credentials of the environment. */
export class Bucket {
  constructor(to, env = process.env) {
    const named = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(to);
    if (!named) throw new Unready(`--to ${to}: expected s3://bucket or s3://bucket/prefix; a bucket has 3 to 63 small letters, digits, dots and dashes`, 2);
    this.bucket = named[1];
    this.prefix = named[2] ? named[2].replace(/\/*$/, "/") : "";
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]) {
      if (!env[name]) throw new Unready(`${name} is not set: put temporary credentials for this bucket into the Secrets pane (README.md)`);
    }
    this.id = env.AWS_ACCESS_KEY_ID;
    this.secret = env.AWS_SECRET_ACCESS_KEY;
    this.session = env.AWS_SESSION_TOKEN;
    this.region = env.AWS_REGION;
    const own = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
    this.base = own ? new URL(own) : new URL(`https://s3.${this.region}.amazonaws.com`);
  }

  /** A signed request for the object; `query` as [name, value] pairs. The body is not part of the signature: TLS and check sums guard it. */
  async send(method, name, { query = [], headers = {}, body, length = 0 } = {}) {
    const path = `/${this.bucket}/${(this.prefix + name).split("/").map(strict).join("/")}`;
    const now = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const day = now.slice(0, 8);
    const all = {
      ...headers,
      host: this.base.host,
      "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
      "x-amz-date": now,
      ...(this.session ? { "x-amz-security-token": this.session } : {}),
    };
    const names = Object.keys(all).sort();
    const asked = query.map(([key, value]) => `${strict(key)}=${strict(String(value))}`).sort().join("&");
    const lines = names.map((key) => `${key}:${String(all[key]).trim().replace(/ +/g, " ")}\n`).join("");
    const canonical = [method, path, asked, lines, names.join(";"), "UNSIGNED-PAYLOAD"].join("\n");
    const scope = `${day}/${this.region}/s3/aws4_request`;
    const key = ["s3", "aws4_request"].reduce(hmac, hmac(hmac(`AWS4${this.secret}`, day), this.region));
    const signature = createHmac("sha256", key).update(["AWS4-HMAC-SHA256", now, scope, sha256(canonical)].join("\n")).digest("hex");
    const authorization = `AWS4-HMAC-SHA256 Credential=${this.id}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
    return request(method, this.base, { ...all, authorization, "content-length": length }, body, asked ? `${path}?${asked}` : path);
  }

  /** One object in one request. `open` gives its bytes anew for each try. Resolves with the ETag, without quotes. */
  put(name, size, headers, open) {
    return again(
      `sending ${name}`,
      async () => this.send("PUT", name, { headers, body: await open(), length: size }),
      async (answer) => (await text(answer), (answer.headers.etag ?? "").replaceAll('"', "")),
    );
  }

  begin(name, headers) {
    return again(
      `beginning ${name}`,
      () => this.send("POST", name, { query: [["uploads", ""]], headers }),
      async (answer) => {
        const id = /<UploadId>([^<]+)<\/UploadId>/.exec(await text(answer))?.[1];
        if (!id) throw new Failed(`beginning ${name}: S3 gave no upload id`);
        return id;
      },
    );
  }

  part(name, upload, number, size, open) {
    return again(
      `sending part ${number} of ${name}`,
      async () => {
        const query = [["partNumber", number], ["uploadId", upload]];
        return this.send("PUT", name, { query, body: await open(), length: size });
      },
      async (answer) => (await text(answer), (answer.headers.etag ?? "").replaceAll('"', "")),
    );
  }

  complete(name, upload, etags) {
    const parts = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>"${etag}"</ETag></Part>`).join("");
    const body = Buffer.from(`<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`);
    return again(
      `completing ${name}`,
      () => this.send("POST", name, { query: [["uploadId", upload]], body, length: body.length }),
      async (answer) => {
        // S3 may say 200 first and fail then.
        const said = await text(answer);
        if (/<Error>/.test(said)) throw new Failed(`completing ${name}: ${/<Code>([A-Za-z]+)</.exec(said)?.[1] ?? "refused"}`);
      },
    );
  }

  /** Tags of an object that is there, given as a query string. */
  async tag(name, tags) {
    if (!tags) return;
    const xml = (word) => word.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
    const set = [...new URLSearchParams(tags)].map(([key, value]) => `<Tag><Key>${xml(key)}</Key><Value>${xml(value)}</Value></Tag>`).join("");
    const body = Buffer.from(`<Tagging><TagSet>${set}</TagSet></Tagging>`);
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    await again(`tagging ${name}`, () => this.send("PUT", name, { query: [["tagging", ""]], headers, body, length: body.length }), text);
  }

  /** Whether the upload that was begun is still there. */
  async holds(name, upload) {
    const answer = await this.send("GET", name, { query: [["uploadId", upload]] });
    await text(answer);
    return answer.statusCode === 200;
  }
}

/** Uploads to one signed URL each, out of a file that the wizard made: name, tab, URL. */
export class Urls {
  constructor(lines) {
    this.urls = new Map(lines.split("\n").filter((line) => line.includes("\t")).map((line) => line.split("\t", 2)));
  }
  has(name) {
    return this.urls.has(name);
  }
  put(name, size, headers, open) {
    const url = this.urls.get(name);
    if (!url) throw new Failed(`the file of URLs has none for ${name}: make it again with migrate-wizard`);
    return again(
      `sending ${name}`,
      async () => request("PUT", new URL(url), { ...headers, "content-length": size }, await open()),
      async (answer) => (await text(answer), (answer.headers.etag ?? "").replaceAll('"', "")),
    );
  }
}

/** Says what will happen and goes on only after a yes. */
export async function ask(lines, yes) {
  for (const line of lines) console.log(line);
  if (yes) return;
  if (!process.stdin.isTTY) throw new Unready("nobody is there to ask: say --yes when this is what you want");
  const { createInterface } = await import("node:readline/promises");
  const face = createInterface({ input: process.stdin, output: process.stdout });
  const said = await face.question("Go on? [y/N] ");
  face.close();
  if (!/^y(es)?$/i.test(said.trim())) throw new Unready("nothing was done");
}

/** Words of the command line: --name value and the flags that stand alone. */
export function words(list, flags, values, usage) {
  const given = {};
  for (let at = 0; at < list.length; at += 1) {
    const [name, inline] = list[at].split(/=(.*)/s, 2);
    if (name === "--help") {
      console.log(usage);
      process.exit(0);
    } else if (flags.includes(name)) given[name.slice(2)] = true;
    else if (values.includes(name) && (inline ?? list[at + 1]) !== undefined) given[name.slice(2)] = inline ?? list[(at += 1)];
    else {
      console.error(`${list[at]} is not known here, or lacks its value\n${usage}`);
      process.exit(2);
    }
  }
  return given;
}

/** The manifest as the wizard checks it: a head, one line for each thing, an end with the SHA-256 of all lines before. */
export function manifest(head, entries) {
  const body = [{ manifest: "migrate-wizard/1", ...head, count: entries.length, bytes: entries.reduce((sum, e) => sum + e.size, 0) }, ...entries]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
  return `${body}${JSON.stringify({ end: entries.length, sha256: sha256(body) })}\n`;
}

/** Runs a script: what failed is said in one line, never with a stack that may hold a URL. */
export async function run(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    console.error(error instanceof Failed ? error.message : `${error.code ?? error.name}: ${error.syscall ?? "this script failed"} ${error.path ?? ""}`.trim());
    if (process.env.MIGRATE_TRACE && !(error instanceof Failed)) console.error(error.stack);
    if (!(error instanceof Unready)) console.error("Run it again: it goes on where it stopped.");
    process.exitCode = error.exit ?? 1;
  }
}
