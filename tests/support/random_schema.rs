//! Random schemas of every feature, as SQL in the form of pg_dump that a real server also runs; the same seed gives the same.
//! Never seeded from the clock, and never with rows.

use std::fmt::Write as _;

use super::chance::Chance;

/// Names that break what is quoted badly.
const NAMES: [&str; 26] = [
    "plain",
    "user",
    "order",
    "select",
    "table",
    "Größe",
    "日本語",
    "with space",
    "Upper",
    "a\"b",
    "x;y",
    "--",
    "1st",
    "per%cent",
    "back\\slash",
    "it's",
    "$dollar$",
    "emoji😀",
    "default",
    "a,b",
    "(paren)",
    "/*c*/",
    "group",
    "naïve",
    "dot.ted",
    "_",
];

/// (type, a default of it, indexable by btree).
const TYPES: [(&str, &str, bool); 40] = [
    ("integer", "7", true),
    ("bigint", "'9007199254740993'::bigint", true),
    ("smallint", "3", true),
    ("numeric", "1.5", true),
    ("numeric(12,4)", "0.0001", true),
    ("real", "1.5", true),
    ("double precision", "'NaN'::double precision", true),
    ("text", "'it''s; \\n'::text", true),
    ("character varying(40)", "'x'::character varying", true),
    ("character varying", "''::character varying", true),
    ("character(4)", "'abcd'::bpchar", true),
    ("boolean", "false", true),
    ("date", "'2024-02-29'::date", true),
    ("time without time zone", "'12:00:00'::time without time zone", true),
    ("time with time zone", "'12:00:00+02'::time with time zone", true),
    ("timestamp without time zone", "now()", true),
    ("timestamp(3) with time zone", "CURRENT_TIMESTAMP", true),
    ("interval", "'1 day'::interval", true),
    ("interval day to second(3)", "'01:00:00'::interval day to second(3)", true),
    ("uuid", "gen_random_uuid()", true),
    ("bytea", "'\\xdeadbeef'::bytea", true),
    ("json", "'{}'::json", false),
    ("jsonb", "'{\"a\": [1, \"b''c\"]}'::jsonb", true),
    ("inet", "'10.0.0.1'::inet", true),
    ("cidr", "'10.0.0.0/8'::cidr", true),
    ("macaddr", "'08:00:2b:01:02:03'::macaddr", true),
    ("money", "'12.5'::money", true),
    ("bit(3)", "'101'::\"bit\"", true),
    ("bit varying(8)", "'1'::\"bit\"", true),
    ("xml", "'<a/>'::xml", false),
    ("point", "'(1,2)'::point", false),
    ("tsvector", "''::tsvector", true),
    ("int4range", "'[1,5)'::int4range", true),
    ("tstzrange", "'empty'::tstzrange", true),
    ("text[]", "'{}'::text[]", true),
    ("integer[]", "'{1,2}'::integer[]", true),
    ("numeric(10,2)[]", "ARRAY[1.5, 2.5]", true),
    ("public.citext", "'a'::public.citext", true),
    ("public.hstore", "''::public.hstore", true),
    ("oid", "'1'::oid", true),
];

/// How an identifier is written.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

struct Column {
    name: String,
    kind: String,
    indexable: bool,
    plain: bool,
}

struct Table {
    schema: String,
    name: String,
    columns: Vec<Column>,
    /// Indices of the columns of the primary key.
    key: Vec<usize>,
    /// A partitioned table's partition key is in every key.
    partitioned: bool,
    /// No other table may refer to it.
    unlogged: bool,
}

impl Table {
    fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

struct Maker {
    chance: Chance,
    out: Vec<String>,
    count: usize,
    schemas: Vec<String>,
    enums: Vec<String>,
    types: Vec<String>,
    functions: Vec<String>,
    tables: Vec<Table>,
    extensions: bool,
}

/// A schema with about this many tables.
pub fn random_schema(seed: u64, tables: usize, extensions: bool) -> String {
    random_statements(seed, tables, extensions).iter().map(|statement| format!("{statement};\n")).collect()
}

/// The same, one by one.
pub fn random_statements(seed: u64, tables: usize, extensions: bool) -> Vec<String> {
    let mut maker = Maker {
        chance: Chance::new(seed),
        out: Vec::new(),
        count: 0,
        schemas: vec!["public".into()],
        enums: Vec::new(),
        types: Vec::new(),
        functions: Vec::new(),
        tables: Vec::new(),
        extensions,
    };
    maker.globals();
    for _ in 0..tables {
        maker.table();
    }
    maker.keys();
    maker.indexes();
    maker.foreign_keys();
    maker.views();
    maker.behaviour();
    maker.comments();
    maker.out
}

impl Maker {
    fn one_in(&mut self, n: u64) -> bool {
        self.chance.below(n) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.chance.below(from.len() as u64) as usize]
    }

    /// A name no other object has.
    fn name(&mut self) -> String {
        self.count += 1;
        let odd = *self.pick(&NAMES);
        let name = match self.chance.below(8) {
            0 | 1 => format!("{odd}_{}", self.count),
            2 => format!("{}{odd}", self.count),
            3 => {
                // 63 bytes, the longest there is
                let mut name = format!("n{}_", self.count);
                while name.len() + odd.len() <= 63 {
                    name.push_str(odd);
                }
                let rest = 63 - name.len();
                name + &"z".repeat(rest)
            }
            _ => format!("n{}", self.count),
        };
        assert!(name.len() <= 63 && !name.is_empty());
        name
    }

    fn say(&mut self, statement: &str) {
        self.out.push(statement.to_owned());
    }

    fn schema(&mut self) -> String {
        self.pick(&self.schemas.clone()).clone()
    }

    /// A name in some schema: (schema, name, SQL).
    fn place(&mut self) -> (String, String, String) {
        let (schema, name) = (self.schema(), self.name());
        let sql = format!("{}.{}", quoted(&schema), quoted(&name));
        (schema, name, sql)
    }

    fn globals(&mut self) {
        for _ in 0..self.chance.below(3) {
            let name = self.name();
            self.say(&format!("CREATE SCHEMA {}", quoted(&name)));
            self.schemas.push(name);
        }
        let extensions: &[&str] = if self.extensions { &["citext", "hstore", "pg_trgm", "btree_gist"] } else { &[] };
        for extension in extensions {
            self.say(&format!("CREATE EXTENSION IF NOT EXISTS {extension} WITH SCHEMA public"));
        }
        for _ in 0..self.chance.below(3) {
            let sql = self.place().2;
            self.say(&format!("CREATE TYPE {sql} AS ENUM (\n    'a',\n    'it''s',\n    'C, \"d\"',\n    ''\n)"));
            self.enums.push(sql);
        }
        for _ in 0..self.chance.below(2) {
            let sql = self.place().2;
            let field = self.name();
            self.say(&format!("CREATE TYPE {sql} AS (\n    {} text,\n    n integer\n)", quoted(&field)));
            self.types.push(sql);
        }
        for _ in 0..self.chance.below(2) {
            let sql = self.place().2;
            self.say(&format!("CREATE TYPE {sql} AS RANGE (\n    subtype = double precision\n)"));
            self.types.push(sql);
        }
        for _ in 0..self.chance.below(3) {
            let (sql, check) = (self.place().2, self.name());
            let base = *self.pick(if self.extensions {
                &["integer", "text", "numeric(8,2)", "public.citext"]
            } else {
                &["integer", "text", "numeric(8,2)"]
            });
            let body = if base == "integer" { "VALUE > 0" } else { "VALUE::text <> ''::text" };
            let default = if self.one_in(3) && base == "text" { " DEFAULT 'd'::text" } else { "" };
            self.say(&format!("CREATE DOMAIN {sql} AS {base}{default}\n\tCONSTRAINT {} CHECK (({body}))", quoted(&check)));
            self.types.push(sql);
        }
        for _ in 0..self.chance.below(3) {
            let sql = self.place().2;
            let body = *self.pick(&["select lower(t) || ';'", "select t", "-- no; comment\nselect $1"]);
            self.say(&format!("CREATE FUNCTION {sql}(t text) RETURNS text\n    LANGUAGE sql IMMUTABLE\n    AS $_${body}$_$"));
            self.functions.push(sql);
        }
        if self.one_in(2) {
            let sql = self.place().2;
            self.say(&format!("CREATE FUNCTION {sql}(n integer DEFAULT 1, OUT a integer, OUT b text) RETURNS record\n    LANGUAGE plpgsql\n    AS $$begin a := n; b := ';'; end;$$"));
        }
        if self.one_in(3) {
            let sql = self.place().2;
            self.say(&format!("CREATE PROCEDURE {sql}()\n    LANGUAGE plpgsql\n    AS $$begin null; end;$$"));
        }
        for _ in 0..self.chance.below(2) {
            let sql = self.place().2;
            let options = *self.pick(&[
                "",
                "\n    AS integer",
                "\n    START WITH 5\n    INCREMENT BY -2\n    MINVALUE -100\n    MAXVALUE 100\n    CACHE 3\n    CYCLE",
            ]);
            self.say(&format!("CREATE SEQUENCE {sql}{options}"));
        }
    }

    fn column_type(&mut self) -> (String, Option<String>, bool) {
        match self.chance.below(8) {
            0 if !self.enums.is_empty() => {
                let kind = self.pick(&self.enums.clone()).clone();
                let array = self.one_in(4);
                let (kind, default) =
                    if array { (format!("{kind}[]"), format!("'{{}}'::{kind}[]")) } else { (kind.clone(), format!("'it''s'::{kind}")) };
                (kind, Some(default), true)
            }
            1 if !self.types.is_empty() => (self.pick(&self.types.clone()).clone(), None, false),
            _ => {
                let types: Vec<_> =
                    TYPES.iter().filter(|(kind, ..)| self.extensions || !(kind.starts_with("public.") || *kind == "xml")).collect();
                let (kind, default, indexable) = **self.pick(&types);
                (kind.to_owned(), Some(default.to_owned()), indexable)
            }
        }
    }

    fn table(&mut self) {
        let (schema, name, sql) = self.place();
        let (mut columns, mut lines, mut late) = (Vec::new(), Vec::new(), Vec::new());
        let partitioned = self.one_in(7);
        if partitioned {
            lines.push("    part integer NOT NULL".to_owned());
            columns.push(Column { name: "part".into(), kind: "integer".into(), indexable: true, plain: true });
        }
        for _ in 0..=self.chance.below(7) {
            let column = self.name();
            let (kind, default, indexable) = self.column_type();
            let column_sql = quoted(&column);
            let mut line = format!("    {column_sql} {kind}");
            let mut plain = true;
            match self.chance.below(12) {
                0 | 1 => {
                    if let Some(default) = &default {
                        write!(line, " DEFAULT {default}").unwrap();
                    }
                }
                2 if matches!(kind.as_str(), "text" | "character varying" | "character varying(40)") => {
                    line.push_str(" COLLATE pg_catalog.\"C\"")
                }
                3 if matches!(kind.as_str(), "integer" | "bigint" | "smallint") => {
                    line.push_str(" NOT NULL");
                    if self.one_in(2) {
                        let (sequence, by) = (self.name(), if self.one_in(2) { "ALWAYS" } else { "BY DEFAULT" });
                        late.push(format!(
                            "ALTER TABLE {sql} ALTER COLUMN {column_sql} ADD GENERATED {by} AS IDENTITY (\n    SEQUENCE NAME {}.{}\n    START WITH 1\n    INCREMENT BY 1\n    NO MINVALUE\n    NO MAXVALUE\n    CACHE 1\n)",
                            quoted(&schema), quoted(&sequence)
                        ));
                    } else {
                        let sequence = format!("{}.{}", quoted(&schema), quoted(&self.name()));
                        late.push(format!("CREATE SEQUENCE {sequence}\n    START WITH 1\n    INCREMENT BY 1\n    NO MINVALUE\n    NO MAXVALUE\n    CACHE 1"));
                        late.push(format!("ALTER SEQUENCE {sequence} OWNED BY {sql}.{column_sql}"));
                        let literal = sequence.replace('\'', "''");
                        let literal =
                            if literal.contains('\\') { format!("E'{}'", literal.replace('\\', "\\\\")) } else { format!("'{literal}'") };
                        late.push(format!("ALTER TABLE ONLY {sql} ALTER COLUMN {column_sql} SET DEFAULT nextval({literal}::regclass)"));
                    }
                }
                4 if !columns.is_empty() => {
                    let texts: Vec<String> = columns
                        .iter()
                        .filter(|c: &&Column| c.plain && matches!(c.kind.as_str(), "text" | "integer" | "bigint"))
                        .map(|c| format!("COALESCE({}::text, '-'::text)", quoted(&c.name)))
                        .collect();
                    if !texts.is_empty() {
                        line = format!("    {column_sql} text GENERATED ALWAYS AS (({})) STORED", texts.join(" || "));
                        columns.push(Column { name: column, kind: "text".into(), indexable: true, plain: false });
                        lines.push(line);
                        continue;
                    }
                }
                5 | 6 => line.push_str(" NOT NULL"),
                7 => {
                    if matches!(kind.as_str(), "integer" | "bigint" | "numeric" | "real" | "numeric(12,4)") {
                        lines.push(format!("    CONSTRAINT {} CHECK (({column_sql} >= 0))", quoted(&self.name())));
                    } else if matches!(kind.as_str(), "text" | "character varying(40)") {
                        lines.push(format!("    CONSTRAINT {} CHECK (({column_sql} ~ '^[a-z;'']*$'::text))", quoted(&self.name())));
                    }
                }
                _ => plain = default.is_some(),
            }
            lines.push(line);
            columns.push(Column { name: column, kind, indexable, plain });
        }
        lines.sort_by_key(|line| line.starts_with("    CONSTRAINT"));
        let unlogged = if !partitioned && self.one_in(10) { "UNLOGGED " } else { "" };
        let parent = self.tables.iter().rposition(|t| !t.partitioned).filter(|_| !partitioned);
        let tail = match (partitioned, parent) {
            (true, _) => {
                let way = *self.pick(&["RANGE", "LIST", "HASH"]);
                late.extend(partitions(way, &sql, &quoted(&schema), &lines, &mut || self_name(&mut self.chance, &mut self.count)));
                format!("\nPARTITION BY {way} (part)")
            }
            (false, Some(parent)) if self.chance.below(8) == 0 => format!("\nINHERITS ({})", self.tables[parent].sql()),
            _ if self.one_in(12) => "\nWITH (fillfactor='70', autovacuum_enabled='false')".to_owned(),
            _ => String::new(),
        };
        self.say(&format!("CREATE {unlogged}TABLE {sql} (\n{}\n){tail}", lines.join(",\n")));
        for statement in late {
            self.say(&statement);
        }
        if self.one_in(6) {
            let column = quoted(&columns[0].name);
            let what = *self.pick(&["SET STATISTICS 500", "SET STORAGE MAIN"]);
            if what != "SET STORAGE MAIN" || columns[0].kind == "text" {
                self.say(&format!("ALTER TABLE ONLY {sql} ALTER COLUMN {column} {what}"));
            }
        }
        self.tables.push(Table { schema, name, columns, key: Vec::new(), partitioned, unlogged: !unlogged.is_empty() });
    }

    fn keys(&mut self) {
        for at in 0..self.tables.len() {
            let sql = self.tables[at].sql();
            let able: Vec<usize> = (0..self.tables[at].columns.len()).filter(|&i| self.tables[at].columns[i].indexable).collect();
            let mut wanted: Vec<usize> = able.iter().copied().filter(|_| self.chance.below(2) == 0).take(3).collect();
            if self.tables[at].partitioned && !wanted.contains(&0) {
                wanted.insert(0, 0);
            }
            let only = if self.tables[at].partitioned { "" } else { "ONLY " };
            let list = |columns: &[usize], tables: &[Table]| {
                columns.iter().map(|&i| quoted(&tables[at].columns[i].name)).collect::<Vec<_>>().join(", ")
            };
            if !wanted.is_empty() && !self.one_in(5) {
                let name = quoted(&self.name());
                let columns = list(&wanted, &self.tables);
                self.say(&format!("ALTER TABLE {only}{sql}\n    ADD CONSTRAINT {name} PRIMARY KEY ({columns})"));
                self.tables[at].key = wanted.clone();
            }
            if self.one_in(3) && !wanted.is_empty() {
                let name = quoted(&self.name());
                wanted.reverse();
                let columns = list(&wanted, &self.tables);
                let tail = if self.tables[at].partitioned { "" } else { *self.pick(&["", " DEFERRABLE INITIALLY DEFERRED"]) };
                self.say(&format!("ALTER TABLE {only}{sql}\n    ADD CONSTRAINT {name} UNIQUE ({columns}){tail}"));
            }
            let range =
                self.tables[at].columns.iter().find(|c| matches!(c.kind.as_str(), "int4range" | "tstzrange")).map(|c| quoted(&c.name));
            if let Some(range) = range.filter(|_| !self.tables[at].partitioned) {
                let name = quoted(&self.name());
                self.say(&format!("ALTER TABLE ONLY {sql}\n    ADD CONSTRAINT {name} EXCLUDE USING gist ({range} WITH &&)"));
            }
            if self.one_in(6) {
                let (name, column) = (quoted(&self.name()), quoted(&self.tables[at].columns[0].name));
                self.say(&format!("ALTER TABLE {sql}\n    ADD CONSTRAINT {name} CHECK (({column} IS NOT NULL)) NOT VALID"));
            }
        }
    }

    fn indexes(&mut self) {
        for at in 0..self.tables.len() {
            let sql = self.tables[at].sql();
            for _ in 0..self.chance.below(3) {
                let name = quoted(&self.name());
                let column = self.chance.below(self.tables[at].columns.len() as u64) as usize;
                let (kind, indexable) = (self.tables[at].columns[column].kind.clone(), self.tables[at].columns[column].indexable);
                let c = quoted(&self.tables[at].columns[column].name);
                let other = quoted(&self.tables[at].columns[0].name);
                let function = self.functions.first().cloned();
                let what = match (kind.as_str(), self.chance.below(6)) {
                    ("text", 0) if self.extensions => format!("USING gin ({c} public.gin_trgm_ops)"),
                    ("text", 1) => format!("USING btree (lower({c}) text_pattern_ops DESC NULLS LAST)"),
                    ("text", 2) if function.is_some() => format!("USING btree ({}({c}))", function.unwrap_or_default()),
                    ("text", 3) => format!("USING btree ({c} COLLATE \"C\" varchar_pattern_ops)"),
                    ("jsonb", 0) => format!("USING gin ({c} jsonb_path_ops)"),
                    ("jsonb", 1) => format!("USING btree ((({c} ->> 'a;b'::text)))"),
                    ("text[]" | "integer[]" | "jsonb" | "tsvector" | "public.hstore", 2) => format!("USING gin ({c})"),
                    ("int4range" | "tstzrange" | "point", _) => format!("USING gist ({c})"),
                    ("inet", 0) => format!("USING gist ({c} inet_ops)"),
                    ("integer" | "bigint" | "date", 0) => format!("USING brin ({c}) WITH (pages_per_range='32')"),
                    ("integer" | "bigint" | "uuid", 1) => format!("USING hash ({c})"),
                    _ if !indexable => continue,
                    (_, 3) => format!("USING btree ({c}) WHERE ({other} IS NOT NULL)"),
                    (_, 4) if column > 0 => format!("USING btree ({c}) INCLUDE ({other})"),
                    (_, 5) => format!("USING btree ({c} DESC)"),
                    _ => format!("USING btree ({c})"),
                };
                let unique = if what.starts_with("USING btree") && !self.tables[at].partitioned && self.one_in(3) { "UNIQUE " } else { "" };
                self.say(&format!("CREATE {unique}INDEX {name} ON {sql} {what}"));
            }
        }
    }

    /// New columns that refer to some table's key, itself and later ones too, so that there are cycles.
    fn foreign_keys(&mut self) {
        for at in 0..self.tables.len() {
            if !self.one_in(2) {
                continue;
            }
            let Some(to) = (0..self.tables.len())
                .filter(|&i| !self.tables[i].key.is_empty() && !self.tables[i].partitioned && !self.tables[i].unlogged)
                .nth(self.chance.below(3) as usize)
            else {
                continue;
            };
            if self.tables[at].partitioned {
                continue;
            }
            let (sql, target) = (self.tables[at].sql(), self.tables[to].sql());
            let pairs: Vec<(String, String, String)> = self.tables[to]
                .key
                .iter()
                .map(|&i| (self.tables[to].columns[i].name.clone(), self.tables[to].columns[i].kind.clone()))
                .collect::<Vec<_>>()
                .into_iter()
                .map(|(column, kind)| (self.name(), column, kind))
                .collect();
            for (new, _, kind) in &pairs {
                self.say(&format!("ALTER TABLE {sql} ADD COLUMN {} {kind}", quoted(new)));
            }
            let (name, action) = (
                quoted(&self.name()),
                *self.pick(&[
                    "",
                    " ON DELETE CASCADE",
                    " ON UPDATE CASCADE ON DELETE SET NULL",
                    " DEFERRABLE INITIALLY DEFERRED",
                    " NOT VALID",
                    " MATCH FULL",
                ]),
            );
            let list =
                |of: &dyn Fn(&(String, String, String)) -> String| pairs.iter().map(|p| quoted(&of(p))).collect::<Vec<_>>().join(", ");
            self.say(&format!(
                "ALTER TABLE ONLY {sql}\n    ADD CONSTRAINT {name} FOREIGN KEY ({}) REFERENCES {target}({}){action}",
                list(&|p| p.0.clone()),
                list(&|p| p.1.clone())
            ));
            for (new, _, kind) in pairs {
                self.tables[at].columns.push(Column { name: new, kind, indexable: false, plain: true });
            }
        }
    }

    fn views(&mut self) {
        let mut last: Option<String> = None;
        for at in 0..self.tables.len() {
            if !self.one_in(3) {
                continue;
            }
            let (table, sql) = (self.tables[at].sql(), self.place().2);
            let columns: Vec<String> = self.tables[at].columns.iter().take(4).map(|c| quoted(&c.name)).collect();
            let first = columns[0].clone();
            let body = match self.chance.below(4) {
                0 => format!("SELECT {} FROM {table}", columns.join(",\n    ")),
                1 => format!("SELECT count(*) AS n, max(({first})::text) AS \"m;\" FROM {table} t GROUP BY t.{first} HAVING count(*) > 1"),
                2 => format!(
                    "WITH x AS (SELECT {first} FROM {table} WHERE {first} IS NOT NULL) SELECT x.{first}, row_number() OVER (ORDER BY (x.{first})::text) AS rn FROM x"
                ),
                _ => match &last {
                    Some(last) => format!("SELECT 1 AS one FROM {last} UNION ALL SELECT 2 FROM {table}"),
                    None => format!("SELECT 'it''s; \"x\"'::text AS t FROM {table}"),
                },
            };
            if self.one_in(4) {
                self.say(&format!("CREATE MATERIALIZED VIEW {sql} AS\n {body}\n  WITH NO DATA"));
            } else {
                let option = *self.pick(&["", "", " WITH (security_barrier='true')"]);
                self.say(&format!("CREATE VIEW {sql}{option} AS\n {body}"));
                last = Some(sql);
            }
        }
    }

    fn behaviour(&mut self) {
        for at in 0..self.tables.len() {
            let (sql, schema) = (self.tables[at].sql(), quoted(&self.tables[at].schema.clone()));
            let name = self.name();
            let name = quoted(&name);
            let column = quoted(&self.tables[at].columns[0].name);
            match self.chance.below(14) {
                0 => {
                    let function = format!("{schema}.{}", quoted(&self.name()));
                    self.say(&format!(
                        "CREATE FUNCTION {function}() RETURNS trigger\n    LANGUAGE plpgsql\n    AS $$begin return new; end;$$"
                    ));
                    self.say(&format!("CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {sql} FOR EACH ROW EXECUTE FUNCTION {function}()"));
                }
                1 if !self.tables[at].partitioned => self.say(&format!("CREATE RULE {name} AS\n    ON DELETE TO {sql} DO INSTEAD NOTHING")),
                2 => {
                    self.say(&format!("ALTER TABLE {sql} ENABLE ROW LEVEL SECURITY"));
                    self.say(&format!("CREATE POLICY {name} ON {sql} FOR SELECT USING (({column} IS NOT NULL))"));
                }
                3 if self.tables[at].columns.len() > 2 => {
                    let columns: Vec<String> =
                        self.tables[at].columns.iter().filter(|c| c.indexable && c.plain).take(2).map(|c| quoted(&c.name)).collect();
                    if columns.len() == 2 {
                        self.say(&format!("CREATE STATISTICS {schema}.{name} (ndistinct) ON {} FROM {sql}", columns.join(", ")));
                    }
                }
                4 => self.say(&format!("CREATE PUBLICATION {name} FOR TABLE ONLY {sql}")),
                5 => self.say(&format!("ALTER TABLE ONLY {sql} REPLICA IDENTITY FULL")),
                _ => {}
            }
        }
    }

    fn comments(&mut self) {
        for at in 0..self.tables.len() {
            let sql = self.tables[at].sql();
            if self.one_in(3) {
                self.say(&format!("COMMENT ON TABLE {sql} IS 'it''s; -- \"x\"\n$$ 日本'"));
            }
            if self.one_in(3) {
                let column = quoted(&self.tables[at].columns[0].name);
                self.say(&format!("COMMENT ON COLUMN {sql}.{column} IS 'c'"));
            }
        }
    }
}

fn self_name(chance: &mut Chance, count: &mut usize) -> String {
    *count += 1;
    let odd = NAMES[chance.below(NAMES.len() as u64) as usize];
    format!("{odd}_{count}")
}

/// Two partitions as pg_dump writes them: tables of their own, attached.
fn partitions(way: &str, parent: &str, schema: &str, lines: &[String], name: &mut dyn FnMut() -> String) -> Vec<String> {
    let bounds = match way {
        "RANGE" => ["FOR VALUES FROM (1) TO (10)", "DEFAULT"],
        "LIST" => ["FOR VALUES IN (1, 2)", "DEFAULT"],
        _ => ["FOR VALUES WITH (modulus 2, remainder 0)", "FOR VALUES WITH (modulus 2, remainder 1)"],
    };
    bounds
        .iter()
        .flat_map(|bound| {
            let table = format!("{schema}.{}", quoted(&name()));
            [
                format!("CREATE TABLE {table} (\n{}\n)", lines.join(",\n")),
                format!("ALTER TABLE ONLY {parent} ATTACH PARTITION {table} {bound}"),
            ]
        })
        .collect()
}
