import { Storage } from "@google-cloud/storage";

const REPLIT_SIDECAR_ENDPOINT = "http://127.0.0.1:1106";

export const objectStorageClient = new Storage({
  credentials: { audience: "replit", token_url: `${REPLIT_SIDECAR_ENDPOINT}/token` } as never,
});

export function privateDir() {
  return process.env.PRIVATE_OBJECT_DIR || "";
}

export function normalize(path: string) {
  return path.startsWith("https://storage.googleapis.com/") ? new URL(path).pathname : path;
}
