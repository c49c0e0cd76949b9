import { Worker } from "bullmq";
import { connection, type ReportJob } from "./queue";
import { pool } from "./db";

new Worker("reports", async (job: ReportJob) => pool.query("insert into reports(owner) values ($1)", [job.data.user]), { connection });
