//! Replit's login in an app on Prisma: the same link of people, the column as its next migration.

use super::login::AUTH;
use super::*;

const SCHEMA: &str = r#"datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}

generator client {
  provider = "prisma-client-js"
}

model Post {
  id    String @id
  email String
}

model User {
  id              String   @id @default(uuid())
  email           String?  @unique
  firstName       String?  @map("first_name")
  updatedAt       DateTime @updatedAt @map("updated_at")

  @@map("users")
}
"#;

const STORAGE: &str = r#"import { prisma } from "./db";
import type { User, UpsertUser } from "@shared/types";

export class PrismaStorage {
  async getUser(id: string): Promise<User | null> {
    return prisma.user.findUnique({ where: { id } });
  }

  async upsertUser(userData: UpsertUser): Promise<User> {
    return await prisma.user.upsert({
      where: { id: userData.id },
      update: { ...userData, updatedAt: new Date() },
      create: userData,
    });
  }
}
"#;

const LINKED: &str = r#"import { prisma } from "./db";
import type { User, UpsertUser } from "@shared/types";

export class PrismaStorage {
  async getUser(id: string): Promise<User | null> {
    return prisma.user.findUnique({ where: { id } });
  }

  async upsertUser(userData: UpsertUser): Promise<User> {
    // The subject of the login is not the person's id: ids stay as they are, whoever issued them.
    const { id, ...profile } = userData;
    const authSubject = String(id);
    const set = { ...profile, updatedAt: new Date(), authSubject };
    const known = await prisma.user.findUnique({ where: { authSubject } });
    if (known) return prisma.user.update({ where: { id: known.id }, data: set });

    // The first login at Cognito: the caller gives an e-mail only if it is verified.
    if (userData.email) {
      const [same] = await prisma.$queryRaw<{ id: string }[]>`
        select id from "users" where lower("email") = lower(${userData.email})
        order by "email" = ${userData.email} desc limit 1`;
      if (same) return prisma.user.update({ where: { id: same.id }, data: set });
    }

    return prisma.user.upsert({ where: { authSubject }, update: set, create: { id: authSubject, ...set } });
  }
}
"#;

fn app<'a>(schema: &'a str, storage: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("server/replitAuth.ts", AUTH), ("server/storage.ts", storage), ("prisma/schema.prisma", schema)]
}

#[test]
fn people_of_an_app_on_prisma_keep_their_ids() {
    let (after, items) = edited("login", &app(SCHEMA, STORAGE));
    assert_eq!(after["server/storage.ts"], LINKED);
    let email = "  email           String?  @unique\n";
    let column = "  authSubject     String?  @unique @map(\"auth_subject\")\n";
    assert_eq!(after["prisma/schema.prisma"], SCHEMA.replace(email, &format!("{email}{column}")));
    assert!(after["server/replitAuth.ts"].contains("return storage.upsertUser({"), "{}", after["server/replitAuth.ts"]);
    assert!(
        after[".migrate/sql/auth_subject.sql"].ends_with(
            "alter table \"users\" add column if not exists \"auth_subject\" text constraint \"users_auth_subject_key\" unique;\n"
        )
    );
    assert!(items.iter().any(|item| item.starts_with(".migrate/sql/auth_subject.sql:0 run this file")), "{items:?}");
    let prepared =
        asked(&app(SCHEMA, STORAGE).iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>(), &["login".to_owned()])
            .unwrap();
    assert!(prepared.iter().any(|one| one.commands == ["npx prisma generate"]), "{prepared:?}");
    let (dsql, _) = with(&[("database", "dsql")], &app(SCHEMA, STORAGE));
    assert!(
        dsql[".migrate/sql/auth_subject.sql"].contains("create unique index async if not exists \"users_auth_subject_key\" on \"users\"")
    );
}

#[test]
fn other_forms_of_the_same_are_known_and_line_ends_stay() {
    let schema = "datasource db {\n  provider = \"postgresql\"\n}\nmodel users {\n  id String @id\n  email String @map(\"mail\")\n}\n";
    let code = "class S {\n  async upsertUser(person) {\n    const row = await this.db.users.upsert({\n      where: { id: person.id },\n      create: { id: person.id, email: person.email, role: \"member\" },\n      update: { email: person.email },\n    })\n    return row\n  }\n}\n";
    let files = app(schema, code)
        .into_iter()
        .map(|(path, text)| (if path.ends_with("storage.ts") { "server/storage.js" } else { path }, text))
        .collect::<Vec<_>>();
    let (after, _) = edited("login", &files);
    let text = &after["server/storage.js"];
    for line in [
        "    const authSubject = String(person.id)\n",
        "    const set = { email: person.email, authSubject }\n",
        "    const known = await this.db.users.findUnique({ where: { authSubject } })\n",
        "      const [same] = await this.db.$queryRaw`\n        select id from \"users\" where lower(\"mail\") = lower(${person.email})\n",
        "    return this.db.users.upsert({ where: { authSubject }, update: set, create: { id: authSubject, email: person.email, role: \"member\", authSubject } })\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(
        after["prisma/schema.prisma"].contains("  email String @map(\"mail\")\n  authSubject String? @unique @map(\"auth_subject\")\n")
    );
    // Windows' line ends
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let (schema, storage) = (crlf(SCHEMA), crlf(STORAGE));
    let (after, _) = edited("login", &app(&schema, &storage));
    assert_eq!(after["server/storage.ts"], crlf(LINKED));
    assert!(after["prisma/schema.prisma"].contains("@unique\r\n  authSubject     String?  @unique @map(\"auth_subject\")\r\n"));
}

#[test]
fn the_column_is_the_next_migration_of_prisma() {
    const LOCK: (&str, &str) = ("prisma/migrations/migration_lock.toml", "provider = \"postgresql\"\n");
    let run = |names: &[&str], lock: &str| {
        let paths: Vec<String> = names.iter().map(|name| format!("prisma/migrations/{name}/migration.sql")).collect();
        let mut files = app(SCHEMA, STORAGE);
        files.push((LOCK.0, lock));
        files.extend(paths.iter().map(|path| (path.as_str(), "create table users (id text);\n")));
        edited("login", &files)
    };
    for (names, next) in
        [(&["20240101000000_init", "20241231235959_more"][..], "20250101000000_auth_subject"), (&["0_init"], "20000101000000_auth_subject")]
    {
        let (after, items) = run(names, LOCK.1);
        let path = format!("prisma/migrations/{next}/migration.sql");
        assert!(after[&path].ends_with("text constraint \"users_auth_subject_key\" unique;\n"), "{after:?}");
        assert!(!after.contains_key(".migrate/sql/auth_subject.sql"), "one place says it");
        assert!(
            items.iter().any(|item| item.starts_with(&format!("{path}:0 see that the app's migrations run"))
                && item.contains("npx prisma migrate deploy")),
            "{items:?}"
        );
    }
    for (names, lock) in [(&["init"][..], LOCK.1), (&[], LOCK.1), (&["20240101000000_init"], "provider = \"mysql\"\n")] {
        let (after, _) = run(names, lock);
        assert!(
            after.contains_key(".migrate/sql/auth_subject.sql") && !after.keys().any(|path| path.contains("_auth_subject/")),
            "{names:?}"
        );
    }
}

#[test]
fn another_form_of_model_or_method_changes_nothing_of_the_login() {
    let own = |from: &str, to: &str| (SCHEMA.replace(from, to), STORAGE.to_owned());
    let code = |from: &str, to: &str| (SCHEMA.to_owned(), STORAGE.replace(from, to));
    for ((schema, storage), missing) in [
        (own("id              String   @id", "id              Int      @id"), "the model User"),
        (own("postgresql", "mysql"), "the model User"),
        (own("  email           String?  @unique\n", ""), "the model User"),
        (own("@@map", "@@schema(\"auth\")\n  @@map"), "the model User"),
        (code("where: { id: userData.id }", "where: { email: userData.email }"), "upsertUser that is one"),
        (code("create: userData,", "create: userData,\n      include: { posts: true },"), "upsertUser that is one"),
        (code("create: userData", "create: toRow(userData)"), "upsertUser that is one"),
        (code("    return await", "    await log(userData);\n    return await"), "upsertUser that is one"),
        (code("prisma.user.upsert", "prisma.member.upsert"), "upsertUser that is one"),
    ] {
        let (after, items) = edited("login", &app(&schema, &storage));
        assert_eq!((&after["prisma/schema.prisma"], &after["server/storage.ts"]), (&schema, &storage), "{missing}");
        assert_eq!(after["server/replitAuth.ts"], AUTH);
        assert!(
            items.iter().any(|item| item.starts_with("server/replitAuth.ts:0 link people") && item.contains(missing)),
            "{missing}: {items:?}"
        );
    }
}
