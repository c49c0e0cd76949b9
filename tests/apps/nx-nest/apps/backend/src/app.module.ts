import { Module } from "@nestjs/common";
import { ScheduleModule } from "@nestjs/schedule";
import { Pool } from "pg";

@Module({ imports: [ScheduleModule.forRoot()], providers: [] })
export class AppModule {
  readonly pool = new Pool({ connectionString: process.env.DATABASE_URL, ssl: { rejectUnauthorized: false } });

  async lock() {
    await this.pool.query("select pg_advisory_lock(7)");
  }
}
