import { eq } from "drizzle-orm";
import { users, type UpsertUser, type User } from "@shared/models/auth";
import { db } from "../../db";

class AuthStorage {
  async getUser(id: string): Promise<User | undefined> {
    const [user] = await db.select().from(users).where(eq(users.id, id));
    return user;
  }

  async upsertUser(data: UpsertUser): Promise<User> {
    const [user] = await db
      .insert(users)
      .values(data)
      .onConflictDoUpdate({ target: users.id, set: { ...data, updatedAt: new Date() } })
      .returning();
    return user;
  }
}

export const authStorage = new AuthStorage();
