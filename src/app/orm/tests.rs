//! TypeScript in, TypeScript out: each rewrite as a person would have made it.

use super::database::{Change, Check, Column, Enum, ForeignKey, Index, IndexKey, Schema, Table, Unique};
use super::{Outcome, edit};

/// One side, a line for each thing: `orders.id int = nextval('s') @by default`, `enum status`, `check orders.c: total > 0`,
/// `fk orders: user_id`, `unique orders: email`, `index orders.newest btree: created_at desc last, lower(email)`. All in `public` unless named.
fn side(lines: &str) -> Schema {
    let mut schema = Schema::default();
    let full = |name: &str| if name.contains('.') { name.to_owned() } else { format!("public.{name}") };
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap();
        let (head, tail) = rest.split_once(": ").unwrap_or((rest, ""));
        let list = || tail.split(", ").map(str::to_owned).collect::<Vec<_>>();
        let (owner, name) = head.rsplit_once('.').unwrap_or((head, ""));
        if word == "enum" {
            schema.enums.push(Enum { name: full(rest), labels: vec![] });
            continue;
        }
        let table_name =
            if matches!(word, "check" | "fk" | "unique" | "index") { full(owner) } else { full(word.rsplit_once('.').unwrap().0) };
        if schema.table(&table_name).is_none() {
            schema.tables.push(Table { name: table_name.clone(), ..Table::default() });
        }
        let table = schema.tables.iter_mut().find(|table| table.name == table_name).unwrap();
        match word {
            "check" => table.checks.push(Check { name: name.into(), expression: tail.into() }),
            "fk" => table.foreign_keys.push(ForeignKey { name: String::new(), columns: list(), references: String::new() }),
            "unique" => table.uniques.push(Unique { name: String::new(), columns: list() }),
            "index" => {
                let (name, method) = name.split_once(' ').unwrap();
                let (keys, predicate) = tail.split_once(" where ").map_or((tail, None), |(keys, of)| (keys, Some(of.to_owned())));
                let key = |text: &str| {
                    let mut words = text.split(' ');
                    let first = words.next().unwrap().to_owned();
                    let mut key = if first.contains('(') {
                        IndexKey { expression: first, ..IndexKey::default() }
                    } else {
                        IndexKey { column: first, ..IndexKey::default() }
                    };
                    for word in words {
                        match word {
                            "desc" => key.descending = true,
                            "first" | "last" => key.nulls = Some(word.into()),
                            class => key.operator_class = Some(class.into()),
                        }
                    }
                    key
                };
                let keys = keys.split(", ").map(key).collect();
                table.indexes.push(Index { name: name.into(), method: method.into(), keys, predicate, ..Index::default() });
            }
            _ => {
                let (rest, identity) = rest.split_once(" @").map_or((rest, None), |(rest, when)| (rest, Some(when.to_owned())));
                let (kind, default) = rest.split_once(" = ").map_or((rest, None), |(kind, default)| (kind, Some(default.to_owned())));
                let name = word.rsplit_once('.').unwrap().1.to_owned();
                table.columns.push(Column { name, type_name: kind.into(), default, identity, generated: None });
            }
        }
    }
    schema
}

fn change(from: &str, to: &str) -> Change {
    Change { from: side(from), to: side(to), runs_drizzle_kit: false }
}

fn outcome(files: &[(&str, &str)], change: &Change) -> Outcome {
    let files: Vec<(String, String)> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    edit(&files, change)
}

/// The new text of one file; a second time nothing is left to do.
#[track_caller]
fn becomes(given: &str, change: &Change, then: &str) -> Outcome {
    let first = outcome(&[("schema.ts", given)], change);
    let after = first.files.first().map_or(given, |file| file.after.as_str());
    assert_eq!(after, then);
    assert_eq!(outcome(&[("schema.ts", after)], change).files, [], "a second time");
    first
}

fn hands(outcome: &Outcome) -> Vec<String> {
    outcome.hands.iter().map(|hand| format!("{}:{} {}: {} -> {}", hand.path, hand.line, hand.object, hand.from, hand.to)).collect()
}

fn notes(outcome: &Outcome) -> Vec<String> {
    outcome.notes.iter().map(|note| format!("{}:{} {}", note.path, note.line, note.what)).collect()
}

#[test]
fn keys_become_bigint_identities_and_what_refers_to_them_follows() {
    let change = change(
        "orders.id int = nextval('s'::regclass)\norders.no bigint = nextval('n'::regclass)\norders.seq int @always\norders.user_id int\nfk orders: user_id",
        "orders.id bigint @by default\norders.no bigint @by default\norders.seq bigint @by default\norders.user_id bigint\nfk orders: user_id",
    );
    becomes(
        "import { bigserial, integer, pgTable, serial } from 'drizzle-orm/pg-core'
import { users } from './users'

// every order
export const orders = pgTable('orders', {
  id: serial('id').primaryKey(), // the key
  no: bigserial('no', { mode: 'bigint' }).notNull(),
  seq: integer().generatedAlwaysAsIdentity({ startWith: 5 }),
  userId: integer('user_id')
    /* of the buyer */
    .notNull()
    .references(() => users.id),
})
",
        &change,
        "import { bigint, pgTable } from 'drizzle-orm/pg-core'
import { users } from './users'

// every order
export const orders = pgTable('orders', {
  id: bigint('id', { mode: 'number' }).generatedByDefaultAsIdentity().primaryKey(), // the key
  no: bigint('no', { mode: 'bigint' }).generatedByDefaultAsIdentity().notNull(),
  seq: bigint({ mode: 'number' }).generatedByDefaultAsIdentity({ startWith: 5 }),
  userId: bigint('user_id', { mode: 'number' })
    /* of the buyer */
    .notNull()
    .references(() => users.id),
})
",
    );
}

#[test]
fn keys_become_uuids_where_that_was_chosen() {
    becomes(
        "import { integer, pgTable, serial } from \"drizzle-orm/pg-core\";
export const a = pgTable(\"a\", { id: serial(\"id\").primaryKey(), parent: integer(\"parent\") });
",
        &change("a.id int = nextval('s'::regclass)\na.parent int", "a.id uuid = gen_random_uuid()\na.parent uuid"),
        "import { pgTable, uuid } from \"drizzle-orm/pg-core\";
export const a = pgTable(\"a\", { id: uuid(\"id\").defaultRandom().primaryKey(), parent: uuid(\"parent\") });
",
    );
}

#[test]
fn references_go_with_their_foreign_keys() {
    becomes(
        "import { foreignKey, integer, pgTable, type AnyPgColumn } from \"drizzle-orm/pg-core\";
import { users } from \"./users\";
export const a = pgTable(\"a\", {
  userId: integer(\"user_id\").notNull().references((): AnyPgColumn => users.id, { onDelete: \"cascade\" }),
  x: integer(\"x\"),
  y: integer(\"y\"),
}, (t) => [
  foreignKey({ columns: [t.x, t.y], foreignColumns: [users.x, users.y], name: \"xy\" }),
]);
",
        &change("a.user_id int\na.x int\na.y int\nfk a: user_id\nfk a: x, y", "a.user_id int\na.x int\na.y int"),
        "import { integer, pgTable } from \"drizzle-orm/pg-core\";
export const a = pgTable(\"a\", {
  userId: integer(\"user_id\").notNull(),
  x: integer(\"x\"),
  y: integer(\"y\"),
});
",
    );
}

const ENUM_FROM: &str = "enum status\nt.status public.status = 'open'::public.status\nt.all public.status[]";
const ENUM_TO: &str = "t.status text = 'open'::text\nt.all jsonb\ncheck t.t_status_check: status IN ('open', 'it''s `done`')";

#[test]
fn an_enum_becomes_text_with_its_check() {
    becomes(
        "import { pgEnum, pgTable } from \"drizzle-orm/pg-core\";
export const statusEnum = pgEnum(\"status\", [\"open\", \"it's `done`\"]);
export const t = pgTable(\"t\", {
  status: statusEnum(\"status\").default(\"open\").notNull(),
  all: statusEnum(\"all\").array(),
});
export type Status = (typeof statusEnum.enumValues)[number];
",
        &change(ENUM_FROM, ENUM_TO),
        "import { sql } from \"drizzle-orm\";
import { check, jsonb, pgTable, text } from \"drizzle-orm/pg-core\";
export const statusEnum = { enumName: \"status\", enumValues: [\"open\", \"it's `done`\"] } as const;
export const t = pgTable(\"t\", {
  status: text(\"status\", { enum: statusEnum.enumValues }).default(\"open\").notNull(),
  all: jsonb(\"all\").$type<(typeof statusEnum.enumValues)[number][]>(),
}, () => [
  check(\"t_status_check\", sql`status IN ('open', 'it''s \\`done\\`')`),
]);
export type Status = (typeof statusEnum.enumValues)[number];
",
    );
}

#[test]
fn a_check_joins_what_stands_beside_the_columns_in_its_own_form() {
    let head = "import { sql } from \"drizzle-orm\";\nimport { check, index, pgTable, text } from \"drizzle-orm/pg-core\";\n";
    let change = change("t.a text\nindex t.i btree: a", "t.a text\nindex t.i btree: a\ncheck t.t_a_check: a IN ('x')");
    for (given, then) in [
        ("(t) => [index(\"i\").on(t.a)]", "(t) => [index(\"i\").on(t.a), check(\"t_a_check\", sql`a IN ('x')`)]"),
        ("(t) => ({ i: index(\"i\").on(t.a) })", "(t) => ({ i: index(\"i\").on(t.a), tACheck: check(\"t_a_check\", sql`a IN ('x')`) })"),
        (
            "(t) => {\n  return {\n    i: index(\"i\").on(t.a),\n  };\n}",
            "(t) => {\n  return {\n    i: index(\"i\").on(t.a),\n    tACheck: check(\"t_a_check\", sql`a IN ('x')`),\n  };\n}",
        ),
    ] {
        let file = |extras: &str| {
            format!("{head}export const x = sql`1`, c = check;\nexport const t = pgTable(\"t\", {{ a: text(\"a\") }}, {extras});\n")
        };
        becomes(&file(given), &change, &file(then));
    }
}

#[test]
fn arrays_become_json() {
    becomes(
        "import { sql } from 'drizzle-orm';
import { boolean, integer, pgTable, text } from 'drizzle-orm/pg-core';
export const t = pgTable('t', {
  a: text('a').array().notNull().default(sql`'{}'::text[]`),
  b: text('b').array().default(['x']),
  c: integer('c').array(3).array(),
  d: text('d').$type<'x' | 'y'>().array(),
  e: boolean('e').array().default(sql`ARRAY[true]`),
  f: text('f').array().$type<Tags>().default('{}'),
});
",
        &change(
            "t.a text[] = '{}'::text[]\nt.b text[] = '{x}'::text[]\nt.c int[]\nt.d text[]\nt.e boolean[] = ARRAY[true]\nt.f text[] = '{}'::text[]",
            "t.a jsonb = '[]'::jsonb\nt.b jsonb = '[\"x\"]'::jsonb\nt.c jsonb\nt.d jsonb\nt.e jsonb = '[true]'::jsonb\nt.f jsonb = '[]'::jsonb",
        ),
        "import { jsonb, pgTable } from 'drizzle-orm/pg-core';
export const t = pgTable('t', {
  a: jsonb('a').$type<string[]>().notNull().default([]),
  b: jsonb('b').$type<string[]>().default(['x']),
  c: jsonb('c').$type<number[][]>(),
  d: jsonb('d').$type<('x' | 'y')[]>(),
  e: jsonb('e').$type<boolean[]>().default([true]),
  f: jsonb('f').$type<Tags>().default([]),
});
",
    );
}

#[test]
fn numbers_get_their_figures_and_long_texts_lose_theirs() {
    becomes(
        "import { decimal, numeric, pgTable, varchar } from \"drizzle-orm/pg-core\";
export const t = pgTable(\"t\", { a: numeric(\"a\"), b: decimal({ mode: \"number\" }), c: varchar(\"c\", { length: 100000 }), d: numeric(\"d\", { precision: 5, scale: 2 }) });
",
        &change("t.a numeric\nt.b numeric\nt.c varchar(100000)\nt.d numeric(5,2)", "t.a numeric(38, 9)\nt.b numeric(20, 4)\nt.c text\nt.d numeric(5, 2)"),
        "import { decimal, numeric, pgTable, text } from \"drizzle-orm/pg-core\";
export const t = pgTable(\"t\", { a: numeric(\"a\", { precision: 38, scale: 9 }), b: decimal({ precision: 20, scale: 4, mode: \"number\" }), c: text(\"c\"), d: numeric(\"d\", { precision: 5, scale: 2 }) });
",
    );
}

#[test]
fn what_the_app_would_read_otherwise_needs_a_hand() {
    let told = becomes(
        "import { customType, inet, pgTable, point, vector } from \"drizzle-orm/pg-core\";
const citext = customType<{ data: string }>({ dataType() { return \"citext\"; } });
export const t = pgTable(\"t\", {
  ip: inet(\"ip\"),
  at: point(\"at\"),
  mail: citext(\"mail\").unique(),
  v: vector(\"v\", { dimensions: 3 }),
  w: somewhere(\"w\"),
  x: inet(\"x\").array(),
});
",
        &change(
            "t.ip inet\nt.at point\nt.mail public.citext\nt.v public.vector(3)\nt.w xml\nt.x inet[]\nunique t: mail",
            "t.ip text\nt.at text\nt.mail text\nt.v text\nt.w text\nt.x text",
        ),
        "import { customType, inet, pgTable, point, text, vector } from \"drizzle-orm/pg-core\";
const citext = customType<{ data: string }>({ dataType() { return \"citext\"; } });
export const t = pgTable(\"t\", {
  ip: text(\"ip\"),
  at: point(\"at\"),
  mail: text(\"mail\").unique(),
  v: vector(\"v\", { dimensions: 3 }),
  w: somewhere(\"w\"),
  x: inet(\"x\").array(),
});
",
    );
    assert_eq!(
        hands(&told),
        [
            "schema.ts:5 public.t.at: point -> text",
            "schema.ts:6 public.t.mail: .unique() -> ",
            "schema.ts:7 public.t.v: public.vector(3) -> text",
            "schema.ts:8 public.t.w: xml -> text",
            "schema.ts:9 public.t.x: inet[] -> text",
        ]
    );
}

#[test]
fn indexes_follow() {
    becomes(
        "import { sql } from \"drizzle-orm\";
import { index, pgTable, text } from \"drizzle-orm/pg-core\";
export const t = pgTable(\"t\", { a: text(\"a\"), bC: text(\"b_c\") }, (t) => [
  index(\"gone\").using(\"gin\", t.a),
  index(\"hash\").using(\"hash\", t.a),
  index(\"like\").on(t.a.op(\"text_pattern_ops\"), t.bC.desc()),
  index().on(t.bC.desc().nullsLast()),
  index(\"fold\").on(t.a),
  index(\"part\").on(t.a).where(sql`b_c = 'x'::status`),
  index(\"kept\").on(t.a, t.bC).where(sql`a is null`), // as it was
]);
",
        &change(
            "t.a text\nt.b_c text\nindex t.gone gin: a\nindex t.hash hash: a\nindex t.like btree: a text_pattern_ops, b_c desc\nindex t.t_b_c_index btree: b_c desc last\nindex t.fold btree: a\nindex t.part btree: a where b_c = 'x'::status\nindex t.kept btree: a, b_c where a IS NULL",
            "t.a text\nt.b_c text\nindex t.hash btree: a\nindex t.like btree: a, b_c\nindex t.t_b_c_index btree: b_c first\nindex t.fold btree: lower(a)\nindex t.part btree: a where b_c = 'x'::text\nindex t.kept btree: a, b_c where a IS NULL",
        ),
        "import { sql } from \"drizzle-orm\";
import { index, pgTable, text } from \"drizzle-orm/pg-core\";
export const t = pgTable(\"t\", { a: text(\"a\"), bC: text(\"b_c\") }, (t) => [
  index(\"hash\").on(t.a),
  index(\"like\").on(t.a, t.bC),
  index().on(t.bC.nullsFirst()),
  index(\"fold\").on(sql`lower(${t.a})`),
  index(\"part\").on(t.a).where(sql`b_c = 'x'::text`),
  index(\"kept\").on(t.a, t.bC).where(sql`a is null`), // as it was
]);
",
    );
}

#[test]
fn names_are_found_however_they_are_imported() {
    let change =
        change("app.t.user_name int = nextval('s'::regclass)\napp.t.tags text[]", "app.t.user_name bigint @by default\napp.t.tags jsonb");
    becomes(
        "import { integer as int, pgSchema, text as str } from \"drizzle-orm/pg-core\";
const jsonb = 1, app = pgSchema(\"app\");
export const t = app.table(\"t\", { userName: int(), tags: str().array() });
",
        &change,
        "import { bigint, jsonb as pgJsonb, pgSchema } from \"drizzle-orm/pg-core\";
const jsonb = 1, app = pgSchema(\"app\");
export const t = app.table(\"t\", { userName: bigint({ mode: \"number\" }).generatedByDefaultAsIdentity(), tags: pgJsonb().$type<string[]>() });
",
    );
    becomes(
        "import * as p from \"drizzle-orm/pg-core\";
const app = p.pgSchema(\"app\");
export const t = app.table(\"t\", { userName: p.serial(), tags: p.text(\"tags\").array() });
",
        &change,
        "import * as p from \"drizzle-orm/pg-core\";
const app = p.pgSchema(\"app\");
export const t = app.table(\"t\", { userName: p.bigint({ mode: \"number\" }).generatedByDefaultAsIdentity(), tags: p.jsonb(\"tags\").$type<string[]>() });
",
    );
    becomes(
        "import { pgSchema } from \"drizzle-orm/pg-core\";
const app = pgSchema(\"app\");
export const t = app.table(\"t\", (c) => ({ userName: c.serial(), tags: c.text().array() }));
",
        &change,
        "import { pgSchema } from \"drizzle-orm/pg-core\";
const app = pgSchema(\"app\");
export const t = app.table(\"t\", (c) => ({ userName: c.bigint({ mode: \"number\" }).generatedByDefaultAsIdentity(), tags: c.jsonb().$type<string[]>() }));
",
    );
}

#[test]
fn an_enum_of_another_file_is_known_there() {
    let told = outcome(
        &[
            ("db/enums.ts", "import { pgEnum } from 'drizzle-orm/pg-core';\r\nexport const status = pgEnum('status', VALUES);\r\n"),
            (
                "db/t.ts",
                "import { pgTable } from 'drizzle-orm/pg-core';\r\nimport { status as s } from './enums';\r\n\r\nexport const t = pgTable('t', {\r\n  status: s('status'),\r\n});\r\n",
            ),
        ],
        &change(ENUM_FROM, "t.status text = 'open'::text\nt.all jsonb"),
    );
    let after: Vec<&str> = told.files.iter().map(|file| file.after.as_str()).collect();
    assert_eq!(
        after,
        [
            "export const status = { enumName: 'status', enumValues: VALUES } as const;\r\n",
            "import { pgTable, text } from 'drizzle-orm/pg-core';\r\nimport { status as s } from './enums';\r\n\r\nexport const t = pgTable('t', {\r\n  status: text('status', { enum: s.enumValues }),\r\n});\r\n",
        ]
    );
    assert_eq!(notes(&told), ["db/t.ts:4 public.t.all: the database has this column, the file does not"]);
}

#[test]
fn what_differs_already_is_told_not_edited() {
    let told = becomes(
        "import { integer, pgTable, text } from \"drizzle-orm/pg-core\";
export const t = pgTable(\"t\", { a: text(\"a\"), b: integer(\"b\"), c: text(\"c\") });
export const u = pgTable(\"u\", { a: text(\"a\") });
",
        &change("t.a int\nt.b int\nt.d text\nv.a int", "t.a bigint\nt.b int\nt.d text\nv.a int"),
        "import { integer, pgTable, text } from \"drizzle-orm/pg-core\";
export const t = pgTable(\"t\", { a: text(\"a\"), b: integer(\"b\"), c: text(\"c\") });
export const u = pgTable(\"u\", { a: text(\"a\") });
",
    );
    assert_eq!(hands(&told), ["schema.ts:2 public.t.a: int -> bigint"]);
    assert_eq!(
        notes(&told),
        [
            "schema.ts:2 public.t.c: the database has no such column",
            "schema.ts:2 public.t.d: the database has this column, the file does not",
            "schema.ts:3 public.u: the database has no such table",
            "schema.ts:2 public.v: the database has this table, no file declares it",
        ]
    );
}

#[test]
fn neons_driver_becomes_node_postgres() {
    let given = "import { Pool, neonConfig } from '@neondatabase/serverless';
import { drizzle, type NeonDatabase } from 'drizzle-orm/neon-serverless';
import ws from 'ws';
import * as schema from './schema';

neonConfig.webSocketConstructor = ws;

export const pool: Pool = new Pool({ connectionString: process.env.DATABASE_URL });
export const db: NeonDatabase<typeof schema> = drizzle({ client: pool, schema, ws });
";
    let files = [("package.json", "{\"dependencies\": {\"@neondatabase/serverless\": \"1\", \"@types/pg\": \"8\"}}"), ("db.ts", given)];
    let told = outcome(&files, &Change { runs_drizzle_kit: true, ..Change::default() });
    assert_eq!(
        told.files[0].after,
        "import pg from 'pg';
const { Pool } = pg;
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import * as schema from './schema';

export const pool: pg.Pool = new Pool({ connectionString: process.env.DATABASE_URL });
export const db: NodePgDatabase<typeof schema> = drizzle({ client: pool, schema });
"
    );
    assert_eq!(told.commands, ["npm install pg && npm uninstall @neondatabase/serverless"]);
    let again = outcome(&[("db.ts", &told.files[0].after)], &Change::default());
    assert_eq!((again.files, again.commands), (vec![], vec![]));
}

#[test]
fn neons_http_driver_needs_a_hand() {
    let given = "import { neon } from '@neondatabase/serverless';\nimport { drizzle } from 'drizzle-orm/neon-http';\nexport const db = drizzle(neon(url));\n";
    let told = outcome(&[("db.ts", given)], &Change::default());
    assert_eq!(told.files, []);
    assert_eq!(told.hands.len(), 1);
    assert_eq!((told.hands[0].line, told.hands[0].object.as_str()), (1, "@neondatabase/serverless"));
}

#[test]
fn prisma_is_told_line_by_line() {
    let schema = "datasource db {
  provider = \"postgresql\"
  url      = env(\"DATABASE_URL\")
}

enum Status {
  OPEN
  @@map(\"status\")
}

model Order {
  id     Int      @id @default(autoincrement())
  owner  Int?     @map(\"owner_id\")
  status Status   @default(OPEN)
  tags   String[] @default([]) // words
  total  Decimal
  note   String?
  user   User?    @relation(fields: [owner], references: [id])

  @@index([tags], type: Gin)
  @@map(\"orders\")
}
";
    let change = change(
        "enum status\norders.id int = nextval('s')\norders.owner_id int\norders.status public.status = 'OPEN'::public.status\norders.tags text[] = '{}'\norders.total numeric(65,30)\norders.note text\nfk orders: owner_id\nindex orders.orders_tags_idx gin: tags",
        "orders.id bigint @by default\norders.owner_id bigint\norders.status text = 'OPEN'::text\norders.tags jsonb = '[]'\norders.total numeric(38,9)\norders.note text",
    );
    let told = outcome(&[("prisma/schema.prisma", schema)], &change);
    assert_eq!(told.files, []);
    assert_eq!(
        hands(&told),
        [
            "prisma/schema.prisma:3 datasource: url      = env(\"DATABASE_URL\") -> url      = env(\"DATABASE_URL\")\n  relationMode = \"prisma\"",
            "prisma/schema.prisma:6 public.status: enum Status { … } -> ",
            "prisma/schema.prisma:12 public.orders.id: id Int @id @default(autoincrement()) -> id BigInt @id @default(autoincrement())",
            "prisma/schema.prisma:13 public.orders.owner_id: owner Int? @map(\"owner_id\") -> owner BigInt? @map(\"owner_id\")",
            "prisma/schema.prisma:14 public.orders.status: status Status @default(OPEN) -> status String @default(\"OPEN\")",
            "prisma/schema.prisma:15 public.orders.tags: tags String[] @default([]) -> tags Json @default(\"[]\")",
            "prisma/schema.prisma:16 public.orders.total: total Decimal -> total Decimal @db.Decimal(38, 9)",
            "prisma/schema.prisma:20 orders_tags_idx: @@index([tags], type: Gin) -> ",
        ]
    );
}
