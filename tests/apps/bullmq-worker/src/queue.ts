import IORedis from "ioredis";
import type { Job } from "bullmq";
import { Queue } from "bullmq";

export const connection = new IORedis(process.env.REDIS_URL ?? "redis://localhost:6379", { maxRetriesPerRequest: null });
export const reports = new Queue<{ user: string }>("reports", { connection });
export type ReportJob = Job<{ user: string }>;
