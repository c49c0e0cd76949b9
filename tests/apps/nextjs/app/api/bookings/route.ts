import { PrismaClient } from "@prisma/client";
import { createClient } from "@supabase/supabase-js";

const prisma = new PrismaClient({ datasourceUrl: process.env.DATABASE_URL ?? process.env.LIVE_DATABASE_URL });
const supabase = createClient(process.env.SUPABASE_URL!, process.env.SUPABASE_ANON_KEY!);

export async function GET() {
  return Response.json({ bookings: await prisma.booking.findMany(), user: await supabase.auth.getUser() });
}
