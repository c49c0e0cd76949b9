import { and, asc, desc, eq, isNull, lt, sql } from "drizzle-orm";
import { departments, grievances, replies, type Grievance, type InsertGrievance, type InsertReply } from "@shared/schema";
import { db } from "./db";

// Replit user ids of the people who may answer.
const ADMIN_USER_IDS = ["40000017", "40000034"];

export function isStaff(userId: string) {
  return ADMIN_USER_IDS.includes(userId);
}

export class DatabaseStorage {
  async listDepartments() {
    return db.select().from(departments).where(eq(departments.active, true)).orderBy(asc(departments.name));
  }

  async listGrievances(citizenId: string | null): Promise<Grievance[]> {
    const mine = citizenId === null ? undefined : eq(grievances.citizenId, citizenId);
    return db.select().from(grievances).where(and(isNull(grievances.deletedAt), mine)).orderBy(desc(grievances.createdAt)).limit(100);
  }

  async getGrievance(id: number) {
    const [grievance] = await db.select().from(grievances).where(eq(grievances.id, id));
    if (!grievance) return undefined;
    const thread = await db.select().from(replies).where(eq(replies.grievanceId, id)).orderBy(asc(replies.createdAt));
    return { grievance, replies: thread };
  }

  async createGrievance(citizenId: string, data: InsertGrievance) {
    const [grievance] = await db.insert(grievances).values({ ...data, citizenId }).returning();
    return grievance;
  }

  async addReply(grievanceId: number, authorId: string, data: InsertReply) {
    const [reply] = await db.insert(replies).values({ ...data, grievanceId, authorId }).returning();
    return reply;
  }

  async setStatus(id: number, status: Grievance["status"]) {
    await db.update(grievances).set({ status }).where(eq(grievances.id, id));
  }

  /** Raises the priority of what has been open for two weeks; the number of rows raised. */
  async escalate() {
    const raised = await db
      .update(grievances)
      .set({ priority: 1 })
      .where(and(eq(grievances.status, "open"), sql`${grievances.priority} > 1`, lt(grievances.createdAt, sql`now() - interval '14 days'`)))
      .returning({ id: grievances.id });
    return raised.length;
  }
}

export const storage = new DatabaseStorage();
