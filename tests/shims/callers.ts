// An app's calls of the packages, with their types.
import { Client, StreamRequestError, type Result } from "@replit/object-storage";
import Database from "@replit/database";

export async function calls(): Promise<string[]> {
  const storage = new Client({ bucketId: "b" });
  const listed = await storage.list({ prefix: "p/" });
  if (!listed.ok) throw new StreamRequestError(listed.error);
  const names: string[] = listed.value.map((object) => object.name);
  const bytes: Result<[Buffer], { message: string; statusCode?: number }> = await storage.downloadAsBytes("x");
  if (bytes.ok) names.push(bytes.value[0].toString("utf8"));
  const db = new Database();
  const value = await db.get("key", { raw: true });
  if (value.ok) names.push(String(value.value));
  else names.push(value.error.message);
  const keys = await db.list("p:");
  return keys.ok ? names.concat(keys.value) : names;
}
