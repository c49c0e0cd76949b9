// Written by migrate-wizard: files of users in S3, as multer wrote them to the local disk and express.static sent them from there.
//
// Where S3_BUCKET is set the files are objects of that bucket, below the path that they had in the app's folder (uploads/a.png).
// Where it is not set (Replit until the switch, work on one's own machine) they are files on the disk, as before.
// Region and credentials: as every AWS SDK finds them (on ECS the task role). Yours to change.
//
//   multer({ storage: uploadStorage({ destination: "uploads/" }) })
//   app.use("/uploads", serveUploads("uploads"));
//   await readUpload(req.file.path)              for fs.readFile: a Buffer
//   await streamUpload(req.file.path)            for fs.createReadStream
//   await writeUpload("uploads/a.txt", data)     for fs.writeFile and fs.createWriteStream: text, bytes or a stream
//   await hasUpload(req.file.path)               for fs.existsSync
//   await sizeOfUpload(req.file.path)            for (await fs.stat(path)).size, of a file of a request it is req.file.size
//   await removeUpload(req.file.path)            for fs.unlink; what is not there is no error
//   sendUpload(req, res, next, req.file.path)    for res.sendFile

import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, mkdir, open, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import express from "express";
import type { NextFunction, Request, Response } from "express";

type Naming = (req: any, file: any, done: (error: Error | null, filename: string) => void) => void;
type Serving = { maxAge?: number | string; immutable?: boolean; setHeaders?: (res: any, path: string, stat: any) => void };

let client: S3Client | undefined;

function s3(): S3Client {
  // An endpoint of one's own (an emulator, MinIO) has no bucket in its host name.
  client ??= new S3Client({ forcePathStyle: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].some((name) => process.env[name]) });
  return client;
}

function bucket(): string | undefined {
  return process.env.S3_BUCKET || undefined;
}

/** `uploads/a.png`, however the path is written. */
function keyOf(path: string): string {
  return relative(process.cwd(), resolve(path)).split(sep).filter((part) => part !== "..").join("/");
}

function object(path: string) {
  return { Bucket: bucket(), Key: keyOf(path) };
}

/** What is not there is the error that the disk has for it. */
async function there<T>(path: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error: any) {
    if (error?.$metadata?.httpStatusCode !== 404) throw error;
    throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: "ENOENT", path, status: 404 });
  }
}

/** Says how many bytes there were. Nothing is held in memory but the parts on their way. */
async function put(path: string, body: Readable): Promise<number> {
  let size = 0;
  async function* counted() {
    for await (const chunk of body) {
      size += chunk.length;
      yield chunk;
    }
  }
  const stream = Readable.from(counted(), { objectMode: false });
  if (bucket()) {
    await new Upload({ client: s3(), params: { ...object(path), Body: stream } }).done();
    return size;
  }
  await mkdir(dirname(path), { recursive: true });
  try {
    await pipeline(stream, createWriteStream(path));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return size;
}

/** In the place of multer's disk storage. A file's name is the app's own callback's, else made at random. */
export function uploadStorage(options: { destination: string; filename?: Naming }) {
  const random: Naming = (_req, _file, done) => randomBytes(16, (error, raw) => done(error, error ? "" : raw.toString("hex")));
  const naming = options.filename ?? random;
  return {
    _handleFile(req: any, file: any, done: (error?: any, info?: any) => void): void {
      naming(req, file, (error, filename) => {
        if (error) return done(error);
        const path = join(options.destination, filename);
        const below = relative(options.destination, path);
        if (below === "" || below.split(sep)[0] === ".." || isAbsolute(below)) return done(new Error("the file's name leads out of its folder"));
        put(path, file.stream).then((size) => done(null, { destination: options.destination, filename, path, size }), done);
      });
    },
    /** multer calls it for all files of a request that failed: a file that was too large is not kept. */
    _removeFile(_req: any, file: any, done: (error: Error | null) => void): void {
      const path = file.path;
      delete file.destination;
      delete file.filename;
      delete file.path;
      if (!path) return done(null);
      removeUpload(path).then(() => done(null), done);
    },
  };
}

export async function writeUpload(path: string, data: string | Uint8Array | Readable): Promise<void> {
  await put(path, data instanceof Readable ? data : Readable.from([Buffer.from(data as Uint8Array)]));
}

export async function streamUpload(path: string): Promise<Readable> {
  if (!bucket()) return (await open(path)).createReadStream();
  const { Body } = await there(path, s3().send(new GetObjectCommand(object(path))));
  return Body as Readable;
}

export async function readUpload(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await streamUpload(path)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function hasUpload(path: string): Promise<boolean> {
  try {
    await (bucket() ? there(path, s3().send(new HeadObjectCommand(object(path)))) : access(path));
    return true;
  } catch (error: any) {
    if (error?.code === "ENOENT") return false;
    throw error;
  }
}

/** Bytes of it; what is not there is the error that the disk has for it. */
export async function sizeOfUpload(path: string): Promise<number> {
  if (!bucket()) return (await stat(path)).size;
  return (await there(path, s3().send(new HeadObjectCommand(object(path))))).ContentLength ?? 0;
}

export async function removeUpload(path: string): Promise<void> {
  await (bucket() ? s3().send(new DeleteObjectCommand(object(path))) : rm(path, { force: true }));
}

/** The path that a request asks for; undefined for a folder, a hidden file and whatever leads elsewhere. */
function asked(folder: string, url: string): string | undefined {
  let name: string;
  try {
    name = decodeURIComponent(url);
  } catch {
    return undefined;
  }
  const parts = name.slice(1).split("/");
  if (parts.some((part) => part === "" || part.startsWith(".") || /[\\\0]/.test(part))) return undefined;
  const path = join(folder, ...parts);
  return Buffer.byteLength(keyOf(path)) > 1024 ? undefined : path;
}

/** Milliseconds of express.static's `maxAge`: a number, or a text such as "7d". */
function milliseconds(age: number | string): number {
  if (typeof age === "number") return age;
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000, y: 31_557_600_000 };
  const [, count = "0", unit = "ms"] = /^(\d+)\s*([a-z]+)?$/.exec(age) ?? [];
  return Number(count) * (units[unit] ?? 0);
}

/** One object as the answer, as express.static answers with a file: the same headers, and the status of ranges and of what has not changed. */
async function answer(req: Request, res: Response, path: string, options: Serving): Promise<void> {
  const looks = req.method === "HEAD" || ["range", "if-none-match", "if-modified-since"].some((name) => req.headers[name]);
  const got = looks ? undefined : await there(path, s3().send(new GetObjectCommand(object(path))));
  const about = got ?? (await there(path, s3().send(new HeadObjectCommand(object(path)))));
  const size = about.ContentLength ?? 0;
  const changed = about.LastModified ?? new Date(0);
  options.setHeaders?.(res, path, { size, mtime: changed });
  // By the file's name, as express.static has it: never what the browser said of the file, which is whatever its sender likes.
  if (!res.getHeader("Content-Type")) res.type(extname(path));
  const age = Math.floor(milliseconds(options.maxAge ?? 0) / 1000);
  if (!res.getHeader("Cache-Control")) res.set("Cache-Control", `public, max-age=${age}${options.immutable ? ", immutable" : ""}`);
  res.set({ "Accept-Ranges": "bytes", "Last-Modified": changed.toUTCString() });
  if (about.ETag) res.set("ETag", about.ETag);
  if (req.fresh) {
    res.removeHeader("Content-Type");
    res.status(304).end();
    return;
  }
  const since = req.get("If-Range");
  const isCurrent = !since || (since.includes('"') ? since === about.ETag : changed.getTime() <= Date.parse(since) + 999);
  const ranges = isCurrent ? req.range(size, { combine: true }) : undefined;
  if (ranges === -1) {
    const headers = { "Content-Range": `bytes */${size}` };
    throw Object.assign(new Error("Range Not Satisfiable"), { status: 416, headers });
  }
  const [range] = Array.isArray(ranges) && ranges.type === "bytes" && ranges.length === 1 ? ranges : [];
  if (range) res.status(206).set("Content-Range", `bytes ${range.start}-${range.end}/${size}`);
  res.set("Content-Length", String(range ? range.end - range.start + 1 : size));
  if (req.method === "HEAD" || size === 0) {
    res.end();
    return;
  }
  const part = range ? { Range: `bytes=${range.start}-${range.end}` } : {};
  const { Body } = got ?? (await there(path, s3().send(new GetObjectCommand({ ...object(path), ...part, IfMatch: about.ETag }))));
  await pipeline(Body as Readable, res);
}

/** In the place of express.static for a folder of uploads: no folder is listed, no path leads out of it, what is not there is left to the next handler. */
export function serveUploads(folder: string, options: Serving = {}) {
  const files = express.static(folder, options);
  return (req: Request, res: Response, next: NextFunction): void => {
    if (!bucket()) return void files(req, res, next);
    const path = req.method === "GET" || req.method === "HEAD" ? asked(folder, req.path) : undefined;
    if (path === undefined) return next();
    answer(req, res, path, options).catch((error) => {
      if (res.headersSent) res.destroy();
      else next(error?.code === "ENOENT" ? undefined : error);
    });
  };
}

/** In the place of res.sendFile for an upload; what is not there is an error with the status 404. */
export function sendUpload(req: Request, res: Response, next: NextFunction, path: string): void {
  if (!bucket()) return void res.sendFile(basename(path), { root: resolve(dirname(path)) });
  answer(req, res, path, {}).catch((error) => (res.headersSent ? res.destroy() : next(error)));
}
