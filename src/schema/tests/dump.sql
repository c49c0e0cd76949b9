--
-- PostgreSQL database dump
--

\restrict Wq3

SET statement_timeout = 0;
SET check_function_bodies = false;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE SCHEMA shop;

COMMENT ON SCHEMA shop IS 'the shop';

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;

COMMENT ON EXTENSION citext IS 'case-insensitive';

CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA public;

CREATE TYPE shop.status AS ENUM (
    'open',
    'closed'
);

COMMENT ON TYPE shop.status IS 'of an order';

CREATE TYPE shop.address AS (
	street text,
	zip text
);

CREATE DOMAIN shop.positive AS integer
	CONSTRAINT positive_check CHECK ((VALUE > 0));

CREATE FUNCTION shop.slug(t text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$ select lower(t); $$;

CREATE FUNCTION shop.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
  new.updated_at = now();
  return new;
end;
$$;

CREATE TABLE shop.customers (
    id integer NOT NULL,
    uid uuid DEFAULT gen_random_uuid() NOT NULL,
    email public.citext NOT NULL,
    name text COLLATE pg_catalog."C",
    slug text GENERATED ALWAYS AS (shop.slug(name)) STORED,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    home shop.address,
    stars shop.positive,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english'::regconfig, name)) STORED,
    updated_at timestamp with time zone DEFAULT now()
);

COMMENT ON COLUMN shop.customers.email IS 'as typed';

COMMENT ON COLUMN shop.customers.search IS 'computed';

CREATE SEQUENCE shop.customers_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE shop.customers_id_seq OWNED BY shop.customers.id;

CREATE SEQUENCE shop.invoice_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE shop.orders (
    id bigint NOT NULL,
    customer_id integer NOT NULL,
    status shop.status DEFAULT 'open'::shop.status NOT NULL,
    total numeric,
    data jsonb,
    CONSTRAINT orders_total_check CHECK ((total >= (0)::numeric))
);

ALTER TABLE shop.orders ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shop.orders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE shop.cache (
    k text NOT NULL,
    v jsonb
);

CREATE TABLE shop.events (
    at date NOT NULL,
    what text
)
PARTITION BY RANGE (at);

CREATE TABLE shop.events_2024 (
    at date NOT NULL,
    what text
);

CREATE VIEW shop.open_orders AS
 SELECT orders.id
   FROM shop.orders
  WHERE (orders.status = 'open'::shop.status);

CREATE MATERIALIZED VIEW shop.totals AS
 SELECT orders.customer_id,
    sum(orders.total) AS total
   FROM shop.orders
  GROUP BY orders.customer_id
  WITH NO DATA;

ALTER TABLE ONLY shop.events ATTACH PARTITION shop.events_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');

ALTER TABLE ONLY shop.customers ALTER COLUMN id SET DEFAULT nextval('shop.customers_id_seq'::regclass);

ALTER TABLE ONLY shop.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY shop.customers
    ADD CONSTRAINT customers_email_key UNIQUE (email);

ALTER TABLE ONLY shop.customers
    ADD CONSTRAINT customers_uid_key UNIQUE (uid) DEFERRABLE;

ALTER TABLE ONLY shop.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY shop.cache
    ADD CONSTRAINT cache_pkey PRIMARY KEY (k);

CREATE INDEX customers_search_idx ON shop.customers USING gin (search);

CREATE INDEX customers_name_idx ON shop.customers USING btree (name text_pattern_ops DESC);

CREATE INDEX orders_data_idx ON shop.orders USING gin (data);

CREATE INDEX orders_open_idx ON shop.orders USING btree (customer_id) WHERE (status = 'open'::shop.status);

CREATE INDEX events_what_idx ON ONLY shop.events USING btree (what);

CREATE INDEX events_2024_what_idx ON shop.events_2024 USING btree (what);

CREATE UNIQUE INDEX totals_idx ON shop.totals USING btree (customer_id);

ALTER INDEX shop.events_what_idx ATTACH PARTITION shop.events_2024_what_idx;

CREATE TRIGGER customers_touch BEFORE UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.touch();

ALTER TABLE ONLY shop.orders
    ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers(id) ON DELETE CASCADE;

ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_orders ON shop.orders USING ((customer_id = 1));

ALTER TABLE ONLY shop.orders REPLICA IDENTITY FULL;

CREATE PUBLICATION changes WITH (publish = 'insert, update, delete, truncate');

\unrestrict Wq3


--
-- PostgreSQL database dump complete
--
