const REPLIT_SIDECAR_ENDPOINT = "http://127.0.0.1:1106";

export const objectStorageClient = { endpoint: REPLIT_SIDECAR_ENDPOINT, paths: process.env.PUBLIC_OBJECT_SEARCH_PATHS };
