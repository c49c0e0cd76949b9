// The template's object storage service on Amazon S3, same exports and signatures: routes stay as they are.
// Written by migrate-wizard, yours to change. Needs @aws-sdk/client-s3 and @aws-sdk/s3-request-presigner.
//
// PRIVATE_OBJECT_DIR and PUBLIC_OBJECT_SEARCH_PATHS keep their shape, /<bucket>/<folder>, with the S3 bucket's name. Region and
// credentials are found as by every AWS SDK (on ECS the task role). The bucket needs CORS (PUT from the app's origin) for uploads by browsers.
import { randomUUID } from "node:crypto";
import { PassThrough, Readable, Writable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { type ObjectAclPolicy, ObjectPermission, canAccessObject, getObjectAclPolicy, setObjectAclPolicy } from "./objectAcl";

// An endpoint of one's own (an emulator, MinIO) has no bucket in its host name.
const ownEndpoint = process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL;

const s3 = new S3Client({
  forcePathStyle: Boolean(ownEndpoint),
  // Else a presigned URL would demand the check sum of an empty body, and every browser's upload would fail.
  requestChecksumCalculation: "WHEN_REQUIRED",
});

/** What the routes read of an object. */
export interface FileMetadata {
  name: string;
  bucket: string;
  size: number;
  contentType?: string;
  cacheControl?: string;
  etag?: string;
  updated?: string;
  metadata: Record<string, string>;
}

export interface SaveOptions {
  contentType?: string;
  metadata?: { contentType?: string; cacheControl?: string; metadata?: Record<string, string> };
  /** Known from Google Cloud Storage; means nothing here. */
  resumable?: boolean;
}

function missing(error: unknown): boolean {
  return (error as { $metadata?: { httpStatusCode?: number } })?.$metadata?.httpStatusCode === 404;
}

const copySource = (bucket: string, name: string): string => [bucket, ...name.split("/")].map(encodeURIComponent).join("/");

/** An object, with those methods of Google Cloud Storage's File that the templates use. */
export class File {
  readonly client: S3Client = s3;

  constructor(
    readonly bucketName: string,
    readonly name: string,
  ) {}

  get bucket(): Bucket {
    return new Bucket(this.bucketName);
  }

  private get at(): { Bucket: string; Key: string } {
    return { Bucket: this.bucketName, Key: this.name };
  }

  async exists(): Promise<[boolean]> {
    try {
      await s3.send(new HeadObjectCommand(this.at));
      return [true];
    } catch (error) {
      if (missing(error)) return [false];
      throw error;
    }
  }

  async getMetadata(): Promise<[FileMetadata]> {
    const head = await s3.send(new HeadObjectCommand(this.at));
    return [
      {
        name: this.name,
        bucket: this.bucketName,
        size: head.ContentLength ?? 0,
        contentType: head.ContentType,
        cacheControl: head.CacheControl,
        etag: head.ETag,
        updated: head.LastModified?.toISOString(),
        metadata: head.Metadata ?? {},
      },
    ];
  }

  /** S3 changes metadata by a copy of the object onto itself (up to 5 GB); its tags, and so its policy, stay. */
  async setMetadata(change: Partial<Pick<FileMetadata, "contentType" | "cacheControl" | "metadata">>): Promise<[FileMetadata]> {
    const [before] = await this.getMetadata();
    await s3.send(
      new CopyObjectCommand({
        ...this.at,
        CopySource: copySource(this.bucketName, this.name),
        MetadataDirective: "REPLACE",
        TaggingDirective: "COPY",
        ContentType: change.contentType ?? before.contentType,
        CacheControl: change.cacheControl ?? before.cacheControl,
        Metadata: { ...before.metadata, ...change.metadata },
      }),
    );
    return this.getMetadata();
  }

  createReadStream(options: { start?: number; end?: number } = {}): Readable {
    const out = new PassThrough();
    const { start, end } = options;
    const Range = start === undefined && end === undefined ? undefined : `bytes=${start ?? 0}-${end ?? ""}`;
    s3.send(new GetObjectCommand({ ...this.at, Range })).then(
      ({ Body }) => {
        const body = Body as Readable;
        body.on("error", (error) => out.destroy(error));
        out.on("close", () => body.destroy());
        body.pipe(out);
      },
      (error) => out.destroy(error as Error),
    );
    return out;
  }

  /** Collects what is written and stores it at the end: for files that fit into memory. */
  createWriteStream(options: SaveOptions = {}): Writable {
    const chunks: Buffer[] = [];
    return new Writable({
      write: (chunk, _encoding, done) => {
        chunks.push(Buffer.from(chunk));
        done();
      },
      final: (done) => {
        this.save(Buffer.concat(chunks), options).then(() => done(), done);
      },
    });
  }

  async download(): Promise<[Buffer]> {
    const { Body } = await s3.send(new GetObjectCommand(this.at));
    return [Buffer.from(await (Body as { transformToByteArray(): Promise<Uint8Array> }).transformToByteArray())];
  }

  async save(data: Buffer | Uint8Array | string, options: SaveOptions = {}): Promise<void> {
    await s3.send(
      new PutObjectCommand({
        ...this.at,
        Body: data,
        ContentType: options.contentType ?? options.metadata?.contentType,
        CacheControl: options.metadata?.cacheControl,
        Metadata: options.metadata?.metadata,
      }),
    );
  }

  async copy(to: File | string): Promise<[File]> {
    const target = typeof to === "string" ? new File(this.bucketName, to) : to;
    await s3.send(
      new CopyObjectCommand({ Bucket: target.bucketName, Key: target.name, CopySource: copySource(this.bucketName, this.name) }),
    );
    return [target];
  }

  async delete(options: { ignoreNotFound?: boolean } = {}): Promise<void> {
    if (!options.ignoreNotFound) await s3.send(new HeadObjectCommand(this.at));
    await s3.send(new DeleteObjectCommand(this.at));
  }

  async getSignedUrl(options: { action: "read" | "write" | "delete"; expires: number | string | Date }): Promise<[string]> {
    const method = { read: "GET", write: "PUT", delete: "DELETE" } as const;
    const until = new Date(options.expires).getTime();
    const ttlSec = Math.max(1, Math.ceil((until - Date.now()) / 1000));
    return [await signObjectURL({ bucketName: this.bucketName, objectName: this.name, method: method[options.action], ttlSec })];
  }
}

export class Bucket {
  constructor(readonly name: string) {}

  file(name: string): File {
    return new File(this.name, name);
  }

  async getFiles(options: { prefix?: string; maxResults?: number } = {}): Promise<[File[]]> {
    const files: File[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(new ListObjectsV2Command({ Bucket: this.name, Prefix: options.prefix, ContinuationToken }));
      for (const { Key } of page.Contents ?? []) {
        if (Key !== undefined && files.length < (options.maxResults ?? Infinity)) files.push(this.file(Key));
      }
      ContinuationToken = files.length < (options.maxResults ?? Infinity) ? page.NextContinuationToken : undefined;
    } while (ContinuationToken);
    return [files];
  }
}

/** In the place of Google Cloud Storage's client. */
export const objectStorageClient = {
  bucket: (name: string): Bucket => new Bucket(name),
};

export class ObjectNotFoundError extends Error {
  constructor() {
    super("Object not found");
    this.name = "ObjectNotFoundError";
    Object.setPrototypeOf(this, ObjectNotFoundError.prototype);
  }
}

/** What is used of a response of Express. */
interface ExpressLike extends NodeJS.WritableStream {
  headersSent: boolean;
  set(headers: Record<string, string>): unknown;
  status(code: number): { json(body: unknown): unknown };
  destroy?(error?: Error): unknown;
}

export class ObjectStorageService {
  /** Folders with public objects, as /<bucket>/<folder>. */
  getPublicObjectSearchPaths(): Array<string> {
    const paths = (process.env.PUBLIC_OBJECT_SEARCH_PATHS ?? "")
      .split(",")
      .map((path) => path.trim())
      .filter((path) => path.length > 0);
    if (paths.length === 0) {
      throw new Error("PUBLIC_OBJECT_SEARCH_PATHS is not set: expected folders of S3 buckets as /<bucket>/public, comma separated");
    }
    return [...new Set(paths)];
  }

  /** The folder of the private objects, as /<bucket>/<folder>. */
  getPrivateObjectDir(): string {
    const dir = process.env.PRIVATE_OBJECT_DIR ?? "";
    if (!dir) throw new Error("PRIVATE_OBJECT_DIR is not set: expected a folder of an S3 bucket as /<bucket>/.private");
    return dir;
  }

  async searchPublicObject(filePath: string): Promise<File | null> {
    for (const searchPath of this.getPublicObjectSearchPaths()) {
      const { bucketName, objectName } = parseObjectPath(`${searchPath}/${filePath}`);
      const file = objectStorageClient.bucket(bucketName).file(objectName);
      const [exists] = await file.exists();
      if (exists) return file;
    }
    return null;
  }

  /** Streams the object into a response of Express; without one it gives a web Response (the PNPM template's form). */
  async downloadObject(file: File, res: ExpressLike, cacheTtlSec?: number): Promise<void>;
  async downloadObject(file: File, cacheTtlSec?: number): Promise<Response>;
  async downloadObject(file: File, to?: ExpressLike | number, ttl: number = 3600): Promise<void | Response> {
    const res = typeof to === "object" ? to : undefined;
    const cacheTtlSec = typeof to === "number" ? to : ttl;
    try {
      const [metadata] = await file.getMetadata();
      const isPublic = (await getObjectAclPolicy(file))?.visibility === "public";
      const headers = {
        "Content-Type": metadata.contentType || "application/octet-stream",
        "Content-Length": String(metadata.size),
        "Cache-Control": `${isPublic ? "public" : "private"}, max-age=${cacheTtlSec}`,
      };
      const stream = file.createReadStream();
      if (!res) return new Response(Readable.toWeb(stream) as unknown as ReadableStream, { headers });
      res.set(headers);
      stream.on("error", (error) => {
        console.error("Stream error:", error);
        if (!res.headersSent) res.status(500).json({ error: "Error streaming file" });
        else res.destroy?.(error);
      });
      stream.pipe(res);
    } catch (error) {
      if (!res) throw error;
      console.error("Error downloading file:", error);
      if (!res.headersSent) res.status(500).json({ error: "Error downloading file" });
    }
  }

  /** A URL for one upload by PUT, good for 15 minutes. */
  async getObjectEntityUploadURL(): Promise<string> {
    const { bucketName, objectName } = parseObjectPath(`${this.getPrivateObjectDir()}/uploads/${randomUUID()}`);
    return signObjectURL({ bucketName, objectName, method: "PUT", ttlSec: 900 });
  }

  /** The object behind /objects/<id>. */
  async getObjectEntityFile(objectPath: string): Promise<File> {
    if (!objectPath.startsWith("/objects/")) throw new ObjectNotFoundError();
    const entityId = objectPath.slice("/objects/".length);
    if (!entityId) throw new ObjectNotFoundError();
    const { bucketName, objectName } = parseObjectPath(`${withSlash(this.getPrivateObjectDir())}${entityId}`);
    const file = objectStorageClient.bucket(bucketName).file(objectName);
    const [exists] = await file.exists();
    if (!exists) throw new ObjectNotFoundError();
    return file;
  }

  /** The path that an app keeps of an uploaded object: from an S3 URL, or from an old one of Google Cloud Storage. */
  normalizeObjectEntityPath(rawPath: string): string {
    const place = placeOfUrl(rawPath);
    if (!place) return rawPath;
    const dir = parseObjectPath(withSlash(this.getPrivateObjectDir()));
    // The bucket's name changed with the move: old URLs name the one of Replit.
    const ours = place.old || place.bucketName === dir.bucketName;
    if (!ours || !place.objectName.startsWith(dir.objectName)) return `/${place.bucketName}/${place.objectName}`;
    return `/objects/${place.objectName.slice(dir.objectName.length)}`;
  }

  async trySetObjectEntityAclPolicy(rawPath: string, aclPolicy: ObjectAclPolicy): Promise<string> {
    const normalizedPath = this.normalizeObjectEntityPath(rawPath);
    if (!normalizedPath.startsWith("/")) return normalizedPath;
    const objectFile = await this.getObjectEntityFile(normalizedPath);
    await setObjectAclPolicy(objectFile, aclPolicy);
    return normalizedPath;
  }

  async canAccessObjectEntity({
    userId,
    objectFile,
    requestedPermission,
  }: {
    userId?: string;
    objectFile: File;
    requestedPermission?: ObjectPermission;
  }): Promise<boolean> {
    return canAccessObject({ userId, objectFile, requestedPermission: requestedPermission ?? ObjectPermission.READ });
  }
}

const withSlash = (path: string): string => (path.endsWith("/") ? path : `${path}/`);

function parseObjectPath(path: string): { bucketName: string; objectName: string } {
  const [, bucketName, ...rest] = (path.startsWith("/") ? path : `/${path}`).split("/");
  if (!bucketName || rest.length === 0) throw new Error(`Invalid path ${path}: expected /<bucket>/<object>`);
  return { bucketName, objectName: rest.join("/") };
}

/** Bucket and object of a storage URL; null for every other text. */
function placeOfUrl(raw: string): { bucketName: string; objectName: string; old: boolean } | null {
  if (!/^https?:\/\//.test(raw) || !URL.canParse(raw)) return null;
  const url = new URL(raw);
  const path = decodeURIComponent(url.pathname).slice(1);
  const inPath = (old: boolean) => {
    const slash = path.indexOf("/");
    return slash < 1 ? null : { bucketName: path.slice(0, slash), objectName: path.slice(slash + 1), old };
  };
  if (url.hostname === "storage.googleapis.com") return inPath(true);
  if (ownEndpoint && url.host === new URL(ownEndpoint).host) return inPath(false);
  if (/^s3[.-]([a-z0-9-]+\.)*amazonaws\.com(\.cn)?$/.test(url.hostname)) return inPath(false);
  const virtual = /^(.+?)\.s3[.-]([a-z0-9-]+\.)*amazonaws\.com(\.cn)?$/.exec(url.hostname);
  return virtual?.[1] ? { bucketName: virtual[1], objectName: path, old: false } : null;
}

async function signObjectURL({
  bucketName,
  objectName,
  method,
  ttlSec,
}: {
  bucketName: string;
  objectName: string;
  method: "GET" | "PUT" | "DELETE" | "HEAD";
  ttlSec: number;
}): Promise<string> {
  const at = { Bucket: bucketName, Key: objectName };
  const options = { expiresIn: ttlSec };
  switch (method) {
    case "GET":
      return getSignedUrl(s3, new GetObjectCommand(at), options);
    case "PUT":
      return getSignedUrl(s3, new PutObjectCommand(at), options);
    case "DELETE":
      return getSignedUrl(s3, new DeleteObjectCommand(at), options);
    case "HEAD":
      return getSignedUrl(s3, new HeadObjectCommand(at), options);
  }
}
