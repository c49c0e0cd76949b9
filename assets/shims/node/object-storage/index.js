// The Client of @replit/object-storage (1.0.0) on Amazon S3: same methods, same results, same errors as values.
// Bucket: `bucketId`, else the environment variable DEFAULT_OBJECT_STORAGE_BUCKET_ID. Region and credentials: as every AWS SDK finds
// them (on ECS the task role). Written by migrate-wizard, yours to change.
"use strict";

const { createReadStream, createWriteStream } = require("node:fs");
const { rename, rm } = require("node:fs/promises");
const { PassThrough, Readable, pipeline } = require("node:stream");
const streams = require("node:stream/promises");
const zlib = require("node:zlib");
const {
  S3Client,
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} = require("@aws-sdk/client-s3");

/** What is held in memory of a stream; S3 takes 10,000 parts, so a stream may have 156 GiB. */
const PART = 16 * 1024 * 1024;

class StreamRequestError extends Error {
  constructor(error) {
    super(error.statusCode ? `${error.statusCode}: ${error.message}` : error.message);
    this.name = "StreamRequestError";
    this.requestError = error;
  }
  getRequestError() {
    return this.requestError;
  }
}

const ok = (value) => ({ ok: true, value });
const failed = (error) => ({ ok: false, error });

/** An SDK error as the { message, statusCode } that callers know. */
function told(error) {
  const statusCode = error?.$metadata?.httpStatusCode;
  const known = { NoSuchKey: "The requested object could not be found", NotFound: "The requested object could not be found" };
  const message = known[error?.name] ?? (error instanceof Error ? error.message || error.name : String(error));
  return statusCode ? { message, statusCode } : { message };
}

async function result(work) {
  try {
    return ok(await work());
  } catch (error) {
    return failed(told(error));
  }
}

class Client {
  constructor(options = {}) {
    this.wanted = options.bucketId;
    // An endpoint of one's own (an emulator, MinIO) has no bucket in its host name.
    const own = process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL;
    this.s3 = new S3Client({ forcePathStyle: Boolean(own) });
  }

  /** A bucket's id from Replit means the one that took its place. */
  bucket() {
    const replaced = process.env.DEFAULT_OBJECT_STORAGE_BUCKET_ID;
    const bucket = this.wanted && !(this.wanted.startsWith("replit-objstore-") && replaced) ? this.wanted : replaced;
    if (!bucket) {
      throw new Error("no bucket: set DEFAULT_OBJECT_STORAGE_BUCKET_ID to the S3 bucket's name, or give the Client a bucketId");
    }
    return bucket;
  }

  async send(Command, input) {
    return this.s3.send(new Command({ Bucket: this.bucket(), ...input }));
  }

  copy(objectName, destObjectName) {
    return result(async () => {
      const source = [this.bucket(), ...objectName.split("/")].map(encodeURIComponent).join("/");
      await this.send(CopyObjectCommand, { CopySource: source, Key: destObjectName });
      return null;
    });
  }

  delete(objectName, options = {}) {
    return result(async () => {
      // S3 deletes what is not there without a word: asking first keeps the error that callers know.
      if (!options.ignoreNotFound) await this.send(HeadObjectCommand, { Key: objectName });
      await this.send(DeleteObjectCommand, { Key: objectName });
      return null;
    });
  }

  /** The object as a stream, unpacked when it was packed by an upload with `compress`. */
  async open(objectName, { decompress = true } = {}) {
    const { Body, ContentEncoding } = await this.send(GetObjectCommand, { Key: objectName });
    if (!decompress || ContentEncoding !== "gzip") return Body;
    return pipeline(Body, zlib.createGunzip(), () => {});
  }

  async bytes(objectName, options) {
    const chunks = [];
    for await (const chunk of await this.open(objectName, options)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  downloadAsBytes(objectName, options) {
    return result(async () => [await this.bytes(objectName, options)]);
  }

  downloadAsText(objectName, options) {
    return result(async () => (await this.bytes(objectName, options)).toString("utf8"));
  }

  downloadToFilename(objectName, destFilename, options) {
    return result(async () => {
      // Whole or not at all: half a file would look like one.
      const partial = `${destFilename}.partial`;
      try {
        await streams.pipeline(await this.open(objectName, options), createWriteStream(partial));
        await rename(partial, destFilename);
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
      return null;
    });
  }

  downloadAsStream(objectName, options) {
    const out = new PassThrough();
    this.open(objectName, options).then(
      (body) => pipeline(body, out, () => {}),
      (error) => out.destroy(new StreamRequestError(told(error))),
    );
    return out;
  }

  exists(objectName) {
    return result(async () => {
      try {
        await this.send(HeadObjectCommand, { Key: objectName });
        return true;
      } catch (error) {
        if (error?.$metadata?.httpStatusCode === 404) return false;
        throw error;
      }
    });
  }

  list(options = {}) {
    return result(async () => {
      const { prefix, startOffset, endOffset, matchGlob, maxResults = Infinity } = options;
      const fits = matchGlob === undefined ? () => true : ((pattern) => (name) => pattern.test(name))(glob(matchGlob));
      const found = [];
      let ContinuationToken;
      do {
        const page = await this.send(ListObjectsV2Command, { Prefix: prefix, ContinuationToken });
        for (const { Key: name } of page.Contents ?? []) {
          if (found.length >= maxResults) return found;
          if (startOffset !== undefined && compare(name, startOffset) < 0) continue;
          if (endOffset !== undefined && compare(name, endOffset) >= 0) return found;
          if (fits(name)) found.push({ name });
        }
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken);
      return found;
    });
  }

  uploadFromBytes(objectName, contents, options) {
    return result(async () => {
      await this.put(objectName, Readable.from([contents]), options);
      return null;
    });
  }

  uploadFromText(objectName, contents, options) {
    return this.uploadFromBytes(objectName, Buffer.from(contents, "utf8"), options);
  }

  uploadFromFilename(objectName, srcFilename, options) {
    return result(async () => {
      await this.put(objectName, createReadStream(srcFilename), options);
      return null;
    });
  }

  /** As the original: not a result; its promise fails with a StreamRequestError. */
  async uploadFromStream(objectName, stream, options) {
    try {
      await this.put(objectName, stream, options);
    } catch (error) {
      throw new StreamRequestError(told(error));
    }
  }

  /** One request while it fits into one part, else a multipart upload that is given up when the stream breaks. */
  async put(Key, stream, { compress = true } = {}) {
    // A source that fails must fail what is made of it: pipeline passes its error on.
    const body = compress ? pipeline(stream, zlib.createGzip(), () => {}) : stream;
    const meta = compress ? { ContentEncoding: "gzip" } : {};
    const parts = inParts(body, PART);
    const first = await parts.next();
    const second = await parts.next();
    if (second.done) {
      await this.send(PutObjectCommand, { Key, Body: first.value ?? Buffer.alloc(0), ...meta });
      return;
    }
    const { UploadId } = await this.send(CreateMultipartUploadCommand, { Key, ...meta });
    try {
      const done = [];
      const send = async (Body) => {
        const PartNumber = done.length + 1;
        const { ETag } = await this.send(UploadPartCommand, { Key, UploadId, PartNumber, Body });
        done.push({ PartNumber, ETag });
      };
      await send(first.value);
      await send(second.value);
      for await (const part of parts) await send(part);
      await this.send(CompleteMultipartUploadCommand, { Key, UploadId, MultipartUpload: { Parts: done } });
    } catch (error) {
      await this.send(AbortMultipartUploadCommand, { Key, UploadId }).catch(() => {});
      throw error;
    }
  }
}

/** The stream's bytes in pieces of one size; the last may be smaller. */
async function* inParts(stream, size) {
  let held = [];
  let length = 0;
  for await (const chunk of stream) {
    held.push(Buffer.from(chunk));
    length += chunk.length;
    while (length >= size) {
      const all = Buffer.concat(held);
      yield all.subarray(0, size);
      held = [all.subarray(size)];
      length -= size;
    }
  }
  if (length > 0) yield Buffer.concat(held);
}

/** S3 lists by the bytes of UTF-8, JavaScript compares UTF-16. */
const compare = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** `*` within a folder, `**` across folders, `?`, `[abc]`, `{a,b}`. */
function glob(pattern) {
  let depth = 0;
  const source = pattern.replace(/\*\*\/?|[*?{},]|\[[^\]]*\]|[.+^$()|\\\]]/g, (found) => {
    if (found === "**") return ".*";
    if (found === "**/") return "(?:.*/)?";
    if (found === "*") return "[^/]*";
    if (found === "?") return "[^/]";
    if (found === "{") return depth++, "(?:";
    if (found === "}") return depth > 0 ? (depth--, ")") : "\\}";
    if (found === ",") return depth > 0 ? "|" : ",";
    if (found.startsWith("[") && found.length > 2) return found.replace(/^\[!/, "[^").replace(/\\/g, "\\\\");
    return `\\${found}`;
  });
  return new RegExp(`^${source}$`, "su");
}

exports.Client = Client;
exports.StreamRequestError = StreamRequestError;
