import { eq } from "drizzle-orm";
import { users } from "@shared/schema";
import { db } from "./db";

const ADMIN_USER_IDS = ["41234567", "29876543"];

export async function upsertUser(user: typeof users.$inferInsert) {
  const [row] = await db
    .insert(users)
    .values(user)
    .onConflictDoUpdate({
      target: users.id,
      set: user,
    })
    .returning();
  return row;
}

export const isAdmin = (id: string) => ADMIN_USER_IDS.includes(id);
export const byId = (id: string) => db.select().from(users).where(eq(users.id, id));
