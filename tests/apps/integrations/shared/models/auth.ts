import { pgTable, varchar } from "drizzle-orm/pg-core";

export const users = pgTable("users", { id: varchar("id").primaryKey(), email: varchar("email").unique() });
