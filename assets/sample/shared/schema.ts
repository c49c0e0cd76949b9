import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  customType,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  numeric,
  pgEnum,
  pgTable,
  primaryKey,
  real,
  serial,
  smallint,
  text,
  time,
  timestamp,
  unique,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";
import { createInsertSchema } from "drizzle-zod";
import { z } from "zod";
import { users } from "./models/auth";

export * from "./models/auth";
export * from "./models/chat";

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });

export const grievanceStatus = pgEnum("grievance_status", ["open", "in_review", "answered", "closed", "withdrawn"]);

export const departments = pgTable("departments", {
  id: serial("id").primaryKey(),
  parentId: integer("parent_id").references((): AnyPgColumn => departments.id, { onDelete: "set null" }),
  name: text("name").notNull().unique(),
  contactEmail: text("contact_email"),
  languages: text("languages").array().notNull().default(sql`'{}'::text[]`),
  active: boolean("active").notNull().default(true),
});

export const categories = pgTable("categories", {
  code: text("code").primaryKey(),
  label: text("label").notNull(),
  keywords: text("keywords").array(),
  levels: integer("levels").array(),
});

export const grievances = pgTable(
  "grievances",
  {
    id: serial("id").primaryKey(),
    reference: text("reference").generatedAlwaysAs(sql`'GRV-' || lpad(id::text, 7, '0')`),
    citizenId: varchar("citizen_id").references(() => users.id, { onDelete: "set null" }),
    departmentId: integer("department_id").references(() => departments.id, { onDelete: "set null" }),
    categoryCode: text("category_code").references(() => categories.code),
    duplicateOf: integer("duplicate_of").references((): AnyPgColumn => grievances.id, { onDelete: "set null" }),
    status: grievanceStatus("status").notNull().default("open"),
    priority: smallint("priority").notNull().default(3),
    title: text("title").notNull(),
    body: text("body").notNull().default(""),
    location: jsonb("location"),
    tags: text("tags").array().notNull().default(sql`'{}'::text[]`),
    roomNumbers: integer("room_numbers").array(),
    claimedAmount: numeric("claimed_amount", { precision: 12, scale: 2 }),
    incidentDate: date("incident_date"),
    incidentTime: time("incident_time"),
    isPublic: boolean("is_public").notNull().default(false),
    reportedAt: timestamp("reported_at").defaultNow(),
    createdAt: timestamp("created_at", { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp("updated_at", { withTimezone: true }),
    deletedAt: timestamp("deleted_at", { withTimezone: true }),
  },
  (t) => [
    check("grievances_priority_check", sql`${t.priority} between 1 and 5`),
    index("grievances_open_idx").on(t.departmentId).where(sql`status = 'open' and deleted_at is null`),
    index("grievances_newest_idx").on(t.createdAt.desc().nullsLast()),
    index("grievances_citizen_idx").on(t.citizenId),
  ],
);

export const grievanceEvents = pgTable(
  "grievance_events",
  {
    id: uuid("id").primaryKey().defaultRandom(),
    grievanceId: integer("grievance_id").notNull().references(() => grievances.id, { onDelete: "cascade" }),
    actorId: varchar("actor_id").references(() => users.id, { onDelete: "set null" }),
    kind: text("kind").notNull(),
    newStatus: grievanceStatus("new_status"),
    note: text("note"),
    payload: jsonb("payload").notNull().default({}),
    at: timestamp("at", { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [index("grievance_events_grievance_idx").on(t.grievanceId, t.at), index("grievance_events_payload_idx").using("gin", t.payload)],
);

export const replies = pgTable(
  "replies",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    grievanceId: integer("grievance_id").notNull().references(() => grievances.id, { onDelete: "cascade" }),
    authorId: varchar("author_id").references(() => users.id, { onDelete: "set null" }),
    body: text("body").notNull(),
    isInternal: boolean("is_internal").notNull().default(false),
    rating: real("rating"),
    createdAt: timestamp("created_at").notNull().defaultNow(),
  },
  (t) => [index("replies_grievance_idx").on(t.grievanceId)],
);

export const attachments = pgTable("attachments", {
  id: varchar("id").primaryKey().default(sql`gen_random_uuid()`),
  grievanceId: integer("grievance_id").notNull().references(() => grievances.id, { onDelete: "cascade" }),
  uploadedBy: varchar("uploaded_by").references(() => users.id, { onDelete: "set null" }),
  fileName: text("file_name").notNull(),
  contentType: text("content_type"),
  sizeBytes: bigint("size_bytes", { mode: "number" }),
  sha256: bytea("sha256"),
  thumbnail: bytea("thumbnail"),
  objectPath: text("object_path"),
  createdAt: timestamp("created_at", { withTimezone: true }).defaultNow(),
});

export const grievanceWatchers = pgTable(
  "grievance_watchers",
  {
    grievanceId: integer("grievance_id").notNull().references(() => grievances.id, { onDelete: "cascade" }),
    userId: varchar("user_id").notNull().references(() => users.id, { onDelete: "cascade" }),
    muted: boolean("muted"),
    since: date("since"),
  },
  (t) => [primaryKey({ columns: [t.grievanceId, t.userId] })],
);

export const payments = pgTable(
  "payments",
  {
    id: varchar("id").primaryKey().default(sql`gen_random_uuid()`),
    userId: varchar("user_id").references(() => users.id, { onDelete: "set null" }),
    grievanceId: integer("grievance_id").references(() => grievances.id, { onDelete: "set null" }),
    stripePaymentIntent: text("stripe_payment_intent").unique(),
    amount: numeric("amount", { precision: 12, scale: 2 }).notNull(),
    currency: varchar("currency", { length: 3 }).notNull().default("usd"),
    exchangeRate: numeric("exchange_rate"),
    feeRatio: doublePrecision("fee_ratio"),
    riskScore: real("risk_score"),
    refunded: boolean("refunded").notNull().default(false),
    metadata: jsonb("metadata"),
    paidAt: timestamp("paid_at", { withTimezone: true }),
  },
  (t) => [check("payments_amount_check", sql`${t.amount} >= 0`)],
);

// Imported from the old shop, hence the names.
export const orderItems = pgTable(
  "Order Items",
  {
    paymentId: varchar("Payment Id").notNull().references(() => payments.id, { onDelete: "cascade" }),
    lineNo: integer("Line No").notNull(),
    sku: text("SKU").notNull(),
    user: varchar("user").references(() => users.id, { onDelete: "set null" }),
    select: boolean("select"),
    quantity: integer("Quantity").notNull().default(1),
    unitPrice: numeric("Unit Price", { precision: 12, scale: 2 }),
  },
  (t) => [
    primaryKey({ name: "Order Items_pk", columns: [t.paymentId, t.lineNo] }),
    unique("Order Items_sku_unique").on(t.paymentId, t.sku),
    check("Order Items_quantity_check", sql`${t.quantity} > 0`),
  ],
);

export const insertGrievanceSchema = createInsertSchema(grievances)
  .pick({ departmentId: true, categoryCode: true, body: true, isPublic: true })
  .extend({ title: z.string().trim().min(3).max(200) });
export const insertReplySchema = z.object({ body: z.string().trim().min(1), isInternal: z.boolean().default(false) });

export type InsertGrievance = z.infer<typeof insertGrievanceSchema>;
export type InsertReply = z.infer<typeof insertReplySchema>;
export type Grievance = typeof grievances.$inferSelect;
export type Reply = typeof replies.$inferSelect;
export type Department = typeof departments.$inferSelect;
