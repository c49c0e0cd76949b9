import { asc, desc, eq } from "drizzle-orm";
import { conversations, messages } from "@shared/models/chat";
import { db } from "../../db";

export const chatStorage = {
  async listConversations() {
    return db.select().from(conversations).orderBy(desc(conversations.createdAt)).limit(50);
  },
  async createConversation(title: string) {
    const [conversation] = await db.insert(conversations).values({ title }).returning();
    return conversation;
  },
  async deleteConversation(id: number) {
    await db.delete(conversations).where(eq(conversations.id, id));
  },
  async listMessages(conversationId: number) {
    return db.select().from(messages).where(eq(messages.conversationId, conversationId)).orderBy(asc(messages.id));
  },
  async addMessage(conversationId: number, role: string, content: string) {
    const [message] = await db.insert(messages).values({ conversationId, role, content }).returning();
    return message;
  },
};
