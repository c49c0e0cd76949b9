import { users } from "../../../shared/models/auth";

export const upsert = (db: any, user: any) => db.insert(users).values(user).onConflictDoUpdate({ target: users.id, set: user });
