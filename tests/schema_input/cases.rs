//! Inputs and what becomes of each. Only data: the promise is checked in `schema_input`.

/// What a conversion for RDS must say.
pub enum Says {
    /// The error's first line, and a part of what to do next.
    Error(&'static str, &'static str),
    /// How many statements, and the findings in order: `RDS-OWNER: what`.
    Converts(usize, &'static [&'static str]),
}

use Says::{Converts, Error};

pub const TEXTS: &[(&str, &str, Says)] = &[
    // --- what is no statement of PostgreSQL
    (
        "a wrong second word",
        "CREATE TABEL a (b int);",
        Error("cannot parse bad.sql:1:8: syntax error at or near \"TABEL\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a wrong first word",
        "-- a note\nCREAT TABLE a (b int);",
        Error("cannot parse bad.sql:2:1: syntax error at or near \"CREAT\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "prose",
        "Dear reader,\nthis is not SQL.",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"Dear\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a comma too much",
        "CREATE TABLE a (\n  b int,\n);",
        Error("cannot parse bad.sql:3:1: syntax error at or near \")\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a comma too few",
        "CREATE TABLE a (\n  b int\n  c int\n);",
        Error("cannot parse bad.sql:3:3: syntax error at or near \"c\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a parenthesis that never closes",
        "CREATE TABLE a (b int;\nCREATE TABLE c (d int);",
        Error("cannot parse bad.sql:1:22: syntax error at or near \";\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a parenthesis too much",
        "CREATE TABLE a (b int));",
        Error("cannot parse bad.sql:1:23: syntax error at or near \")\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a semicolon too few",
        "CREATE TABLE a (b int)\nCREATE TABLE c (d int);",
        Error("cannot parse bad.sql:2:1: syntax error at or near \"CREATE\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a reserved word as a name",
        "CREATE TABLE public.user (id int);\nCREATE TABLE user (id int);",
        Error("cannot parse bad.sql:2:14: syntax error at or near \"user\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a default without a value",
        "CREATE TABLE a (b int DEFAULT);",
        Error("cannot parse bad.sql:1:30: syntax error at or near \")\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "an unfinished statement",
        "CREATE TABLE a (b int);\nCREATE TABLE",
        Error("cannot parse bad.sql:2:13: syntax error at end of input", "the file is cut off or was changed: make the dum"),
    ),
    (
        "a number with letters",
        "CREATE TABLE a (b int DEFAULT 12abc);",
        Error(
            "cannot parse bad.sql:1:31: trailing junk after numeric literal at or near \"12abc\"",
            "make the dump again with `pg_dump --schema-only ",
        ),
    ),
    (
        "an error behind many lines",
        "\n\n\n\n\n\n\n\n\n  CREATE INDEX ON;",
        Error("cannot parse bad.sql:10:18: syntax error at end of input", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "an error behind other letters",
        "COMMENT ON TABLE public.\"Größe\" IS 'ß' 'ü' x;",
        Error("cannot parse bad.sql:1:40: syntax error at or near \"'ü'\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a git conflict",
        "CREATE TABLE a (b int);\n<<<<<<< HEAD\nCREATE TABLE c (d int);\n=======\n>>>>>>> main\n",
        Error("cannot parse bad.sql:2:1: syntax error at or near \"<<<<<<<\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "an HTML page",
        "<!DOCTYPE html>\n<html><body>Sign in</body></html>",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"<!\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a JSON file",
        "{\n  \"tables\": []\n}",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"{\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a Drizzle schema file",
        "import { pgTable, text } from 'drizzle-orm/pg-core';\nexport const users = pgTable('users', { id: text('id') });",
        Error("cannot parse bad.sql:1:8: syntax error at or near \"{\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a Prisma schema file",
        "model User {\n  id Int @id\n}",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"model\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a CSV file",
        "id,name\n1,Ann\n2,Bob\n",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"id\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "what psql prints",
        "psql: error: connection to server at \"db\" failed\n",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"psql\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "what pg_dump complains of",
        "pg_dump: error: server version: 18.0; pg_dump version: 15.8\n",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"pg_dump\"", "make the dump again with `pg_dump --schema-only "),
    ),
    (
        "a table as psql shows it",
        " id | name \n----+------\n  1 | Ann\n",
        Error("cannot parse bad.sql:1:2: syntax error at or near \"id\"", "make the dump again with `pg_dump --schema-only "),
    ),
    // --- what begins and never ends
    (
        "a text that never ends",
        "CREATE TABLE a (b text DEFAULT 'x);\nCREATE TABLE c (d int);",
        Error("cannot parse bad.sql:1:32: a quoted text begins here and never ends", "the file is cut off or was changed: make the dum"),
    ),
    (
        "a name that never ends",
        "CREATE TABLE \"a (b int);",
        Error("cannot parse bad.sql:1:14: a quoted name begins here and never ends", "the file is cut off or was changed: make the dum"),
    ),
    (
        "a function body that never ends",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $_$\n  SELECT 1;\n$$;",
        Error(
            "cannot parse bad.sql:1:49: a dollar-quoted text begins here and never ends",
            "the file is cut off or was changed: make the dum",
        ),
    ),
    (
        "a comment that never ends",
        "CREATE TABLE a (b int); /* the rest",
        Error("cannot parse bad.sql:1:25: a comment begins here and never ends", "the file is cut off or was changed: make the dum"),
    ),
    (
        "rows that never end",
        "COPY public.a (b) FROM stdin;\n1\n2\n",
        Error("cannot parse bad.sql:1:30: the rows of a COPY begin here and never end", "the file is cut off or was changed: make the dum"),
    ),
    (
        "an escaped text that never ends",
        "COMMENT ON TABLE a IS E'it\\';",
        Error("cannot parse bad.sql:1:24: a quoted text begins here and never ends", "the file is cut off or was changed: make the dum"),
    ),
    (
        "a quote in the middle of a dump",
        "CREATE TABLE a (b text DEFAULT 'x);\nCREATE TABLE c (d text DEFAULT 'y');",
        Error("cannot parse bad.sql:1:32: a quoted text begins here and never ends", "the file is cut off or was changed: make the dum"),
    ),
    (
        "BEGIN ATOMIC without END",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1;\nCREATE TABLE c (d int);",
        Error("cannot parse bad.sql:2:24: syntax error at end of input", "the file is cut off or was changed: make the dum"),
    ),
    (
        "a dump that is cut between two statements",
        "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.a (b integer);\n\n",
        Error("bad.sql:5:35: the dump is cut off", "the file is cut off or was changed: make the dum"),
    ),
    // --- other products
    (
        "MySQL",
        "-- MySQL dump 10.13\nDROP TABLE IF EXISTS `users`;\nCREATE TABLE `users` (\n  `id` int NOT NULL AUTO_INCREMENT\n) ENGINE=InnoDB;",
        Error("cannot parse bad.sql:2:22: syntax error at or near \"`\"", "this looks like a dump of MySQL or MariaDB: load"),
    ),
    (
        "MySQL without back ticks",
        "CREATE TABLE users (id int NOT NULL AUTO_INCREMENT, PRIMARY KEY (id));",
        Error("cannot parse bad.sql:1:37: syntax error at or near \"AUTO_INCREMENT\"", "this looks like a dump of MySQL or MariaDB: load"),
    ),
    (
        "MySQL types",
        "CREATE TABLE users (flag tinyint);",
        Error("bad.sql:1:21: column `flag` has type tinyint, which PostgreSQL has not", "this looks like a dump of MySQL or MariaDB: load"),
    ),
    (
        "MariaDB",
        "-- MariaDB dump 10.19\nLOCK TABLES x WRITE;\n",
        Error("cannot parse bad.sql:2:13: syntax error at or near \"x\"", "this looks like a dump of MySQL or MariaDB: load"),
    ),
    (
        "MySQL procedures",
        "DELIMITER ;;\nCREATE PROCEDURE p() BEGIN SELECT 1; END ;;\n",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"DELIMITER\"", "this looks like a dump of MySQL or MariaDB: load"),
    ),
    (
        "SQLite",
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"PRAGMA\"", "this looks like a dump of SQLite: load it into a"),
    ),
    (
        "SQLite without its settings",
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT);",
        Error("cannot parse bad.sql:1:40: syntax error at or near \"AUTOINCREMENT\"", "this looks like a dump of SQLite: load it into a"),
    ),
    (
        "Oracle",
        "CREATE TABLE T (ID NUMBER(10) NOT NULL, NAME VARCHAR2(20 CHAR));",
        Error("cannot parse bad.sql:1:58: syntax error at or near \"CHAR\"", "this looks like a dump of Oracle: load it into a"),
    ),
    (
        "Oracle types that parse",
        "CREATE TABLE t (name varchar2(20));",
        Error(
            "bad.sql:1:17: column `name` has type varchar2, which PostgreSQL has not",
            "this looks like a dump of Oracle: load it into a",
        ),
    ),
    (
        "SQL Server",
        "USE [shop]\nGO\nCREATE TABLE [dbo].[t] ([id] INT IDENTITY(1,1) NOT NULL)\nGO\n",
        Error("cannot parse bad.sql:1:1: syntax error at or near \"USE\"", "this looks like a dump of Microsoft SQL Server: "),
    ),
    (
        "SQL Server types that parse",
        "CREATE TABLE dbo.t (id uniqueidentifier);",
        Error(
            "bad.sql:1:21: column `id` has type uniqueidentifier, which PostgreSQL has not",
            "this looks like a dump of Microsoft SQL Server: ",
        ),
    ),
    // --- psql
    (
        "a psql variable",
        "CREATE TABLE :schema.t (a int);",
        Error("cannot parse bad.sql:1:14: syntax error at or near \":\"", "psql's variables and commands are not followed: "),
    ),
    (
        "a quoted psql variable",
        "ALTER TABLE t OWNER TO :\"owner\";",
        Error("cannot parse bad.sql:1:24: syntax error at or near \":\"", "psql's variables and commands are not followed: "),
    ),
    (
        "another file",
        "\\i other.sql\n",
        Error("bad.sql:1:1: psql's command \\i is not run here", "run the script with psql in an empty Postgres, t"),
    ),
    (
        "a condition",
        "\\if true\nCREATE TABLE a (b int);\n\\endif\n",
        Error("bad.sql:1:1: psql's command \\if is not run here", "run the script with psql in an empty Postgres, t"),
    ),
    (
        "what psql runs",
        "SELECT 'CREATE TABLE a (b int)' \\gexec\n",
        Error("cannot parse bad.sql:1:33: syntax error at or near \"\\\"", "psql's variables and commands are not followed: "),
    ),
    (
        "a shell",
        "\\! rm -rf /\n",
        Error("bad.sql:1:1: psql's command \\! is not run here", "run the script with psql in an empty Postgres, t"),
    ),
    (
        "a copy by psql",
        "\\copy t from 't.csv'\n",
        Error("bad.sql:1:1: psql's command \\copy is not run here", "run the script with psql in an empty Postgres, t"),
    ),
    (
        "an end of rows without rows",
        "CREATE TABLE a (b int);\n\\.\n",
        Error("bad.sql:2:1: psql's command \\. is not run here", "run the script with psql in an empty Postgres, t"),
    ),
    (
        "settings of psql",
        "\\set ON_ERROR_STOP on\n\\echo hello\n\\timing\nCREATE TABLE public.a (b int);",
        Converts(1, &["RDS-PSQL: 3 psql commands not run: \\echo, \\set, \\timing"]),
    ),
    ("pg_dump's restriction", "\\restrict Xy1\nCREATE TABLE public.a (b int);\n\\unrestrict Xy1\n", Converts(1, &[])),
    // --- what a dump may hold besides objects
    ("nothing but comments", "-- nothing\n/* at all */\n", Converts(0, &[])),
    ("semicolons alone", ";;;\n;", Converts(0, &[])),
    (
        "settings",
        "SET statement_timeout = 0;\nSET transaction_timeout = 0;\nSET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\nSELECT pg_catalog.set_config('search_path', '', false);\nSET xmloption = content;\nSET default_tablespace = '';\nSET default_table_access_method = heap;\nCREATE TABLE public.a (b int);",
        Converts(1, &[]),
    ),
    (
        "a setting that is not pg_dump's",
        "SET work_mem = '1GB';",
        Converts(0, &["RDS-SESSION: 1 setting of the session left out: work_mem = 1GB"]),
    ),
    (
        "texts of the old kind",
        "SET standard_conforming_strings = off;\nCOMMENT ON TABLE a IS 'x\\\\y';",
        Error(
            "bad.sql:1:1: standard_conforming_strings is off: texts would be read otherwise than they are meant",
            "make the dump again with `PGOPTIONS='-c standard",
        ),
    ),
    (
        "a search path",
        "SET search_path = shop, pg_catalog;\nCREATE TABLE a (b int);",
        Error(
            "bad.sql:1:1: the search_path is set: names without their schema would be looked for in public",
            "make the dump again with pg_dump 13 or newer, wh",
        ),
    ),
    (
        "a search path by function",
        "SELECT pg_catalog.set_config('search_path', 'shop', false);\nCREATE TABLE a (b int);",
        Error(
            "bad.sql:1:1: the search_path is set: names without their schema would be looked for in public",
            "make the dump again with pg_dump 13 or newer, wh",
        ),
    ),
    (
        "a place on disk",
        "SET default_tablespace = fast;\nCREATE TABLE public.a (b int);",
        Converts(1, &["RDS-TABLESPACE: the place on disk of fast is left out"]),
    ),
    (
        "owners",
        "CREATE TABLE public.a (b int);\nALTER TABLE public.a OWNER TO neondb_owner;\nCREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'select 1';\nALTER FUNCTION public.f() OWNER TO neondb_owner;\nALTER SCHEMA public OWNER TO pg_database_owner;",
        Converts(
            4,
            &["RDS-OWNER: owner neondb_owner, pg_database_owner is left out (3 statements): objects belong to the role that applies them"],
        ),
    ),
    (
        "owners by session",
        "SET SESSION AUTHORIZATION 'neondb_owner';\nCREATE TABLE public.a (b int);\nRESET SESSION AUTHORIZATION;",
        Converts(1, &["RDS-OWNER: owner neondb_owner is left out (1 statement): objects belong to the role that applies them"]),
    ),
    (
        "rights",
        "GRANT ALL ON TABLE public.a TO app;\nREVOKE USAGE ON SCHEMA public FROM PUBLIC;\nALTER DEFAULT PRIVILEGES FOR ROLE cloud_admin IN SCHEMA public GRANT ALL ON TABLES TO neon_superuser WITH GRANT OPTION;",
        Converts(0, &["RDS-PRIVILEGE: 3 GRANT or REVOKE statements for app, everyone, neon_superuser left out"]),
    ),
    (
        "roles",
        "CREATE ROLE app;\nALTER ROLE app WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:secret';\nALTER ROLE app SET search_path TO 'shop';\nGRANT app TO other GRANTED BY postgres;\nDROP ROLE old;\nCOMMENT ON ROLE app IS 'x';",
        Converts(0, &["RDS-ROLE: 6 statements on roles left out: app, old, other"]),
    ),
    (
        "databases",
        "CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C.UTF-8';\nALTER DATABASE shop OWNER TO me;\nCOMMENT ON DATABASE shop IS 'x';\nALTER DATABASE shop SET work_mem TO '1MB';\n\\connect shop\nCREATE TABLE public.a (b int);",
        Converts(
            1,
            &[
                "RDS-OWNER: owner me is left out (1 statement): objects belong to the role that applies them",
                "RDS-DATABASE: 3 statements on databases left out: shop",
            ],
        ),
    ),
    (
        "drops",
        "ALTER TABLE IF EXISTS ONLY public.a DROP CONSTRAINT IF EXISTS a_pkey;\nALTER TABLE IF EXISTS public.a ALTER COLUMN b DROP DEFAULT;\nDROP INDEX IF EXISTS public.i;\nDROP TABLE IF EXISTS public.a;\nDROP EXTENSION IF EXISTS citext;\nDROP SCHEMA IF EXISTS shop;\nCREATE TABLE public.a (b int);",
        Converts(1, &["RDS-DROP: 6 DROP statements left out: nothing that is there is dropped"]),
    ),
    (
        "rows by COPY",
        "CREATE TABLE public.a (b text);\nCOPY public.a (b) FROM stdin;\n'; DROP TABLE x; --\n$$\n\\.\n\n\nSELECT pg_catalog.setval('public.a_seq', 7, true);\nALTER TABLE ONLY public.a ADD CONSTRAINT a_pkey PRIMARY KEY (b);",
        Converts(
            2,
            &[
                "RDS-ROWS: rows of 1 table (2 lines in COPY blocks) are not read; use `data copy`: public.a",
                "RDS-SEQUENCE-VALUE: the values of 1 sequence are not read",
            ],
        ),
    ),
    (
        "rows by INSERT",
        "CREATE TABLE public.a (b text);\nINSERT INTO public.a VALUES ('x;');\nINSERT INTO public.a (b) VALUES ('y'), ('z');\ninsert into \"Odd\" values (1);",
        Converts(1, &["RDS-ROWS: rows of 2 tables (3 INSERT statements) are not read; use `data copy`: Odd, public.a"]),
    ),
    (
        "no rows",
        "COPY public.a (b) FROM stdin;\n\\.\nCREATE TABLE public.a (b text);",
        Converts(1, &["RDS-ROWS: rows of 1 table are not read; use `data copy`: public.a"]),
    ),
    (
        "large objects",
        "SELECT pg_catalog.lo_create('123');\nALTER LARGE OBJECT 123 OWNER TO me;\nBEGIN;\nSELECT pg_catalog.lo_open('123', 131072);\nSELECT pg_catalog.lowrite(0, '\\x00');\nSELECT pg_catalog.lo_close(0);\nCOMMIT;\nGRANT SELECT ON LARGE OBJECT 123 TO app;\nCOMMENT ON LARGE OBJECT 123 IS 'x';",
        Converts(0, &["RDS-LARGE-OBJECT: 7 statements on large objects left out"]),
    ),
    (
        "security labels",
        "SECURITY LABEL FOR anon ON COLUMN public.a.b IS 'MASKED WITH VALUE NULL';",
        Converts(0, &["RDS-SECURITY-LABEL: 1 security label of anon left out"]),
    ),
    (
        "tablespaces",
        "CREATE TABLESPACE fast OWNER postgres LOCATION '/fast';\nALTER TABLE public.a SET TABLESPACE fast;",
        Converts(0, &["RDS-TABLESPACE: the place on disk of fast, public.a is left out"]),
    ),
    (
        "a materialized view's rows",
        "CREATE MATERIALIZED VIEW public.m AS SELECT 1 AS one WITH NO DATA;\nREFRESH MATERIALIZED VIEW public.m;",
        Converts(
            2,
            &["RDS-MATVIEW: a REFRESH after the data is added", "RDS-ROWS: rows of 1 table are not read; use `data copy`: public.m"],
        ),
    ),
    (
        "two databases",
        "\\connect one\nCREATE TABLE public.a (b int);\n\\connect -reuse-previous=on \"dbname='two'\"\nCREATE TABLE public.c (d int);",
        Error("bad.sql:4:1: the dump holds more than one database: one and two", "convert one database at a time: `pg_dump --schem"),
    ),
    (
        "a server with one database that holds anything",
        "CREATE ROLE app;\n\\connect template1\nSET statement_timeout = 0;\n\\connect shop\nCREATE TABLE public.a (b int);",
        Converts(1, &["RDS-ROLE: 1 statement on roles left out: app"]),
    ),
    // --- what parses, of every version
    ("CRLF", "CREATE TABLE public.a (\r\n    b integer,\r\n    c text DEFAULT 'x\r\ny'\r\n);\r\n", Converts(1, &[])),
    ("CR within a comment", "-- a\r\nCREATE TABLE public.a (b int);\r\n", Converts(1, &[])),
    (
        "CRLF before the end of rows",
        "CREATE TABLE public.a (b int);\r\nCOPY public.a (b) FROM stdin;\r\n1\r\n\\.\r\nCREATE TABLE public.c (d int);\r\n",
        Converts(2, &["RDS-ROWS: rows of 1 table (1 line in COPY blocks) are not read; use `data copy`: public.a"]),
    ),
    (
        "names of every sort",
        "CREATE TABLE public.\"user\" (\"select\" int, \"Größe\" int, \"a\"\"b\" int, \"x;y\" int, \"--\" int, \"日本\" int, \"\" int);",
        Error(
            "cannot parse bad.sql:1:58: zero-length delimited identifier at or near \"\"\"\"",
            "make the dump again with `pg_dump --schema-only ",
        ),
    ),
    (
        "names of every sort but none",
        "CREATE TABLE public.\"user\" (\"select\" int, \"Größe\" int, \"a\"\"b\" int, \"x;y\" int, \"--\" int, \"日本\" int, \" \" int);",
        Converts(1, &[]),
    ),
    (
        "a function with a body in SQL",
        "CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 ELSE 2 END;\nEND;",
        Converts(3, &[]),
    ),
    (
        "a rule with two actions",
        "CREATE RULE r AS ON INSERT TO public.a DO INSTEAD (INSERT INTO public.b VALUES (1); INSERT INTO public.c VALUES (2););",
        Converts(1, &[]),
    ),
    ("virtual columns of version 18", "CREATE TABLE public.a (b int, c int GENERATED ALWAYS AS ((b * 2)));", Converts(1, &[])),
    (
        "keys without overlaps of version 18",
        "ALTER TABLE ONLY public.a ADD CONSTRAINT k PRIMARY KEY (b, c WITHOUT OVERLAPS);",
        Converts(1, &[]),
    ),
    (
        "named NOT NULL of version 18",
        "CREATE TABLE public.a (b int CONSTRAINT b_given NOT NULL NO INHERIT);\nALTER TABLE public.a ADD CONSTRAINT n NOT NULL b NOT VALID;",
        Converts(2, &[]),
    ),
    (
        "a key that is not enforced of version 18",
        "ALTER TABLE ONLY public.a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES public.c(d) NOT ENFORCED;",
        Converts(1, &[]),
    ),
    ("nulls not distinct of version 15", "ALTER TABLE ONLY public.a ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (b);", Converts(1, &[])),
    (
        "a publication of version 15",
        "CREATE PUBLICATION p FOR TABLES IN SCHEMA public;\nALTER PUBLICATION p ADD TABLE ONLY public.a (b) WHERE (b > 1);",
        Converts(2, &[]),
    ),
    (
        "a subscription",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h password=x' PUBLICATION p WITH (connect = false, slot_name = 's');",
        Converts(0, &["RDS-SUBSCRIPTION: is left out"]),
    ),
    ("compression of version 14", "ALTER TABLE ONLY public.a ALTER COLUMN b SET COMPRESSION lz4;", Converts(1, &[])),
    (
        "a transform and a conversion",
        "CREATE CONVERSION public.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;\nCREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION pg_catalog.f(internal));",
        Converts(2, &[]),
    ),
    (
        "text search",
        "CREATE TEXT SEARCH CONFIGURATION public.c (PARSER = pg_catalog.\"default\");\nALTER TEXT SEARCH CONFIGURATION public.c ADD MAPPING FOR asciiword WITH simple;\nCREATE INDEX i ON public.a USING gin (to_tsvector('public.c'::regconfig, b));",
        Converts(3, &[]),
    ),
    (
        "a domain checked later",
        "CREATE DOMAIN public.d AS integer;\nALTER DOMAIN public.d ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID;",
        Converts(2, &[]),
    ),
    ("a block of code", "DO $$ BEGIN RAISE NOTICE 'x;'; END $$;", Converts(1, &[])),
    // --- Replit's own tables
    (
        "Replit's tables",
        "CREATE SCHEMA stripe;\nCREATE SCHEMA drizzle;\nCREATE TABLE stripe._managed_webhooks (id text, secret text);\nCREATE TABLE stripe.accounts (id text);\nCREATE TABLE drizzle.__drizzle_migrations (id integer);\nCREATE TABLE public.sessions (sid character varying, sess jsonb, expire timestamp without time zone);",
        Converts(
            6,
            &[
                "RDS-STRIPE: the 2 tables of schema stripe are carried over: rebuild them, do not copy them (--except stripe)",
                "RDS-DRIZZLE: is copied, so that drizzle-kit knows which migrations have run",
                "RDS-SESSIONS: keeps its table; its rows may be left out",
            ],
        ),
    ),
];
