/// <reference types="node" />
import type { Readable } from "node:stream";

export interface OkResult<T> {
  ok: true;
  value: T;
  error?: undefined;
}
export interface ErrResult<E, ErrorExtras = unknown> {
  ok: false;
  error: E;
  value?: undefined;
  errorExtras?: ErrorExtras;
}
export type Result<T, E = Error | string, ErrorExtras = unknown> = OkResult<T> | ErrResult<E, ErrorExtras>;
export interface RequestError {
  message: string;
  statusCode?: number;
}
export interface StorageObject {
  name: string;
}
export interface ClientOptions {
  /** S3 bucket; default: DEFAULT_OBJECT_STORAGE_BUCKET_ID. An id `replit-objstore-…` means the default too. */
  bucketId?: string;
}
export interface DeleteOptions {
  ignoreNotFound?: boolean;
}
export interface DownloadOptions {
  /** Unpack what was uploaded with `compress`; true by default. */
  decompress?: boolean;
}
export interface ListOptions {
  endOffset?: string;
  matchGlob?: string;
  maxResults?: number;
  prefix?: string;
  startOffset?: string;
}
export interface UploadOptions {
  /** Store with gzip; true by default. */
  compress?: boolean;
}
export declare class StreamRequestError extends Error {
  constructor(err: RequestError);
  getRequestError(): RequestError;
}
export declare class Client {
  constructor(options?: ClientOptions);
  copy(objectName: string, destObjectName: string): Promise<Result<null, RequestError>>;
  delete(objectName: string, options?: DeleteOptions): Promise<Result<null, RequestError>>;
  downloadAsBytes(objectName: string, options?: DownloadOptions): Promise<Result<[Buffer], RequestError>>;
  downloadAsText(objectName: string, options?: DownloadOptions): Promise<Result<string, RequestError>>;
  downloadToFilename(objectName: string, destFilename: string, options?: DownloadOptions): Promise<Result<null, RequestError>>;
  downloadAsStream(objectName: string, options?: DownloadOptions): Readable;
  exists(objectName: string): Promise<Result<boolean, RequestError>>;
  list(options?: ListOptions): Promise<Result<StorageObject[], RequestError>>;
  uploadFromBytes(objectName: string, contents: Buffer, options?: UploadOptions): Promise<Result<null, RequestError>>;
  uploadFromText(objectName: string, contents: string, options?: UploadOptions): Promise<Result<null, RequestError>>;
  uploadFromFilename(objectName: string, srcFilename: string, options?: UploadOptions): Promise<Result<null, RequestError>>;
  uploadFromStream(objectName: string, stream: Readable, options?: UploadOptions): Promise<void>;
}
