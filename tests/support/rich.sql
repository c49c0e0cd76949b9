-- One of everything that a schema dump can hold, for the promise that nothing of it is lost without a word.
CREATE SCHEMA shop;
CREATE EXTENSION citext; CREATE EXTENSION pgcrypto; CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gist; CREATE EXTENSION hstore;
CREATE TYPE shop.mood AS ENUM ('sad','it''s ok','happy');
CREATE TYPE shop.addr AS (street text, zip text);
CREATE TYPE shop.span AS RANGE (subtype = float8);
CREATE DOMAIN shop.email AS citext CHECK (VALUE ~ '@') ;
CREATE DOMAIN shop.pos AS integer DEFAULT 1 CONSTRAINT positive CHECK (VALUE > 0);
CREATE SEQUENCE shop.shared_seq AS integer;
CREATE FUNCTION shop.slug(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ select lower(replace(t, ' ', '-')) $$;
CREATE FUNCTION shop.is_happy(m shop.mood) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ select m = 'happy'::shop.mood $$;
CREATE FUNCTION shop.plp(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ begin return t; end $$;
CREATE PROCEDURE shop.proc() LANGUAGE sql AS $$ select 1 $$;
CREATE TABLE shop.customers (
  id smallserial PRIMARY KEY, uid uuid UNIQUE DEFAULT uuid_generate_v4(), uid2 uuid DEFAULT public.gen_random_uuid(),
  email citext NOT NULL UNIQUE, mail2 shop.email, mood shop.mood DEFAULT 'happy' NOT NULL, moods shop.mood[] DEFAULT '{sad,"it''s ok"}',
  tags text[] DEFAULT ARRAY['a','b'], nums int[] DEFAULT '{1,2}', fl float8[], balance money DEFAULT 12.5, total numeric DEFAULT 0, exact numeric(10,2),
  ip inet DEFAULT '127.0.0.1', mac macaddr, doc xml, bits bit(3) DEFAULT B'101', place point, during tstzrange, home shop.addr, attrs hstore, p shop.pos,
  name text COLLATE "C" , long varchar(100000), chars char(5000), slug text GENERATED ALWAYS AS (shop.slug(name)) STORED,
  search tsvector GENERATED ALWAYS AS (to_tsvector('english', coalesce(name,''))) STORED, vec tsvector,
  plp text DEFAULT shop.plp('x'), at timestamptz(3) DEFAULT now(), secret bytea, dur interval, no_ integer DEFAULT nextval('shop.shared_seq'),
  CHECK (mood <> 'sad'::shop.mood OR total > 0), CHECK (shop.plp(name) <> ''), UNIQUE (name) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE shop.orders (
  id integer GENERATED ALWAYS AS IDENTITY (START WITH 5 INCREMENT BY 2) PRIMARY KEY, customer smallint NOT NULL REFERENCES shop.customers ON DELETE CASCADE,
  no_ integer DEFAULT nextval('shop.shared_seq'), ref text DEFAULT ('O-' || nextval('shop.shared_seq')), room int, during tstzrange, data jsonb,
  EXCLUDE USING gist (room WITH =, during WITH &&)
);
CREATE TABLE shop.lines (order_id int, n int, kind varchar(1500), what varchar(1500), PRIMARY KEY (order_id, n), UNIQUE (kind, what),
  CONSTRAINT o FOREIGN KEY (order_id) REFERENCES shop.orders(id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE shop.line_notes (order_id int, n int, note text, FOREIGN KEY (order_id, n) REFERENCES shop.lines);
CREATE UNLOGGED TABLE shop.cache (k text PRIMARY KEY, v jsonb) WITH (fillfactor=70);
CREATE TABLE shop.blobs (k bytea PRIMARY KEY);
CREATE TABLE shop.events (id bigserial, at timestamptz NOT NULL, what text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2024 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT;
CREATE INDEX events_what ON shop.events (what);
CREATE TABLE shop.base (a int, b text); CREATE TABLE shop.child (c int) INHERITS (shop.base);
CREATE INDEX c_trgm ON shop.customers USING gin (name gin_trgm_ops);
CREATE INDEX c_hash ON shop.customers USING hash (name);
CREATE INDEX c_like ON shop.customers (name text_pattern_ops DESC) INCLUDE (exact) WHERE mood = 'happy'::shop.mood;
CREATE INDEX c_search ON shop.customers USING gin (search);
CREATE INDEX c_email ON shop.customers (email);
CREATE INDEX c_tags ON shop.customers (tags);
CREATE UNIQUE INDEX c_slug ON shop.customers (shop.slug(name)) ;
CREATE INDEX c_mixed ON shop.customers (exact DESC NULLS LAST, lower(name) COLLATE "C");
CREATE INDEX o_data ON shop.orders ((data->>'k'));
CREATE VIEW shop.v AS SELECT id, mood, email::text AS e FROM shop.customers WHERE mood = 'happy' OR email = 'x'::citext;
CREATE VIEW shop.v_tags AS SELECT id FROM shop.customers WHERE 'a' = ANY (tags);
CREATE VIEW shop.v_unnest AS SELECT id, unnest(tags) FROM shop.customers;
CREATE VIEW shop.v_on_v AS SELECT * FROM shop.v_tags;
CREATE VIEW shop.v_group AS SELECT c.id, c.name, count(*) FROM shop.customers c JOIN shop.orders o ON o.customer = c.id GROUP BY c.id;
CREATE VIEW shop.v_search AS SELECT id, search FROM shop.customers;
CREATE MATERIALIZED VIEW shop.mv AS SELECT customer, count(*) n FROM shop.orders GROUP BY 1;
CREATE UNIQUE INDEX mv_c ON shop.mv (customer);
CREATE FUNCTION shop.top() RETURNS SETOF shop.v LANGUAGE sql STABLE AS $$ SELECT * FROM shop.v $$;
CREATE FUNCTION shop.cnt(q shop.mood DEFAULT 'sad') RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM shop.customers WHERE mood = q $$;
CREATE FUNCTION shop.cnt(q text) RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM shop.customers WHERE name = q; END;
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ begin new.at = now(); return new; end $$;
CREATE TRIGGER touch BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.customers DISABLE TRIGGER touch;
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.orders USING (customer = 1);
CREATE RULE no_del AS ON DELETE TO shop.cache DO INSTEAD NOTHING;
CREATE STATISTICS shop.st ON name, exact FROM shop.customers;
CREATE AGGREGATE shop.agg(int) (sfunc = int4pl, stype = int);
CREATE PUBLICATION pub FOR TABLE shop.orders;
CREATE FUNCTION shop.evt() RETURNS event_trigger LANGUAGE plpgsql AS $$ begin end $$;
CREATE EVENT TRIGGER evt ON ddl_command_end EXECUTE FUNCTION shop.evt();
ALTER TABLE shop.customers ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE shop.orders CLUSTER ON orders_pkey; ALTER TABLE shop.orders REPLICA IDENTITY FULL;
ALTER TABLE shop.line_notes ADD CONSTRAINT late CHECK (note <> '') NOT VALID;
ALTER TABLE shop.line_notes ADD CONSTRAINT latefk FOREIGN KEY (order_id) REFERENCES shop.orders NOT VALID;
COMMENT ON TYPE shop.mood IS 'm'; COMMENT ON COLUMN shop.customers.search IS 's'; COMMENT ON CONSTRAINT o ON shop.lines IS 'c'; COMMENT ON TRIGGER touch ON shop.customers IS 't';
COMMENT ON MATERIALIZED VIEW shop.mv IS 'mv'; COMMENT ON INDEX shop.c_tags IS 'i'; COMMENT ON FUNCTION shop.slug(text) IS 'f'; COMMENT ON SCHEMA shop IS 'the shop'; COMMENT ON DOMAIN shop.pos IS 'p'; COMMENT ON SEQUENCE shop.customers_id_seq IS 'x'; COMMENT ON POLICY own ON shop.orders IS 'y'; COMMENT ON VIEW shop.v_tags IS 'vt';
