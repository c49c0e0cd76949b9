-- The sample app's database: what years of an agent, a push command and a hurried person leave behind.
--
--   psql -v ON_ERROR_STOP=1 -d <an empty UTF-8 database you own> -f seed.sql        about 365,000 rows
--   psql ... -v scale=1 -f seed.sql                                                 about 3,700 rows
--
-- PostgreSQL 15 or newer; no extension, no superuser. The same scale always makes the same rows, on every version.
-- shared/schema.ts describes `public` without grievances_backup_20240611, the views, the functions and the triggers.

\if :{?scale}
\else
  \set scale 100
\endif
\set ON_ERROR_STOP on

BEGIN;

SET LOCAL client_encoding = 'UTF8';
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'UTC';

-- Number `n` of the salt `s`: 0 .. 2^28-1, the same on every server.
CREATE FUNCTION pg_temp.h(n bigint, s text) RETURNS integer LANGUAGE sql IMMUTABLE
  AS $$ SELECT ('x' || substr(md5(n::text || s), 1, 7))::bit(28)::integer $$;

-- The id of user `n`: Replit's numbers, but every 50th was invited by hand and got a UUID.
CREATE FUNCTION pg_temp.uid(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT CASE WHEN n % 50 = 0 THEN md5('user' || n)::uuid::text ELSE (40000000 + n * 17)::text END $$;

------------------------------------------------------------------------------------------------------------ structure

CREATE SCHEMA app;
CREATE SCHEMA drizzle;

CREATE TABLE drizzle.__drizzle_migrations (
  id serial PRIMARY KEY,
  hash text NOT NULL,
  created_at bigint
);

CREATE TYPE grievance_status AS ENUM ('open', 'in_review', 'answered', 'closed', 'withdrawn');

CREATE TABLE sessions (
  sid varchar PRIMARY KEY,
  sess jsonb NOT NULL,
  expire timestamp NOT NULL
);

CREATE TABLE users (
  id varchar PRIMARY KEY DEFAULT gen_random_uuid(),
  email varchar CONSTRAINT users_email_unique UNIQUE,
  first_name varchar,
  last_name varchar,
  profile_image_url varchar,
  stripe_customer_id text,
  created_at timestamp DEFAULT now(),
  updated_at timestamp DEFAULT now()
);

CREATE TABLE conversations (
  id serial PRIMARY KEY,
  title text NOT NULL,
  created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE messages (
  id serial PRIMARY KEY,
  conversation_id integer NOT NULL,
  role text NOT NULL,
  content text NOT NULL,
  created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT messages_conversation_id_conversations_id_fk FOREIGN KEY (conversation_id) REFERENCES conversations ON DELETE CASCADE
);

CREATE TABLE departments (
  id serial PRIMARY KEY,
  parent_id integer,
  name text NOT NULL CONSTRAINT departments_name_unique UNIQUE,
  contact_email text,
  languages text[] NOT NULL DEFAULT '{}'::text[],
  active boolean NOT NULL DEFAULT true,
  CONSTRAINT departments_parent_id_departments_id_fk FOREIGN KEY (parent_id) REFERENCES departments ON DELETE SET NULL
);

CREATE TABLE categories (
  code text PRIMARY KEY,
  label text NOT NULL,
  keywords text[],
  levels integer[]
);

CREATE TABLE grievances (
  id serial PRIMARY KEY,
  reference text GENERATED ALWAYS AS ('GRV-' || lpad(id::text, 7, '0')) STORED,
  citizen_id varchar,
  department_id integer,
  category_code text,
  duplicate_of integer,
  status grievance_status NOT NULL DEFAULT 'open',
  priority smallint NOT NULL DEFAULT 3,
  title text NOT NULL,
  body text NOT NULL DEFAULT '',
  location jsonb,
  tags text[] NOT NULL DEFAULT '{}'::text[],
  room_numbers integer[],
  claimed_amount numeric(12, 2),
  incident_date date,
  incident_time time,
  is_public boolean NOT NULL DEFAULT false,
  reported_at timestamp DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz,
  deleted_at timestamptz,
  CONSTRAINT grievances_priority_check CHECK (priority BETWEEN 1 AND 5),
  CONSTRAINT grievances_citizen_id_users_id_fk FOREIGN KEY (citizen_id) REFERENCES users ON DELETE SET NULL,
  CONSTRAINT grievances_department_id_departments_id_fk FOREIGN KEY (department_id) REFERENCES departments ON DELETE SET NULL,
  CONSTRAINT grievances_category_code_categories_code_fk FOREIGN KEY (category_code) REFERENCES categories,
  CONSTRAINT grievances_duplicate_of_grievances_id_fk FOREIGN KEY (duplicate_of) REFERENCES grievances ON DELETE SET NULL
);
COMMENT ON TABLE grievances IS 'One row for each thing a citizen complains about; "closed" is final.';
COMMENT ON COLUMN grievances.reported_at IS 'Wall clock of the citizen''s phone, no zone: do not compare with created_at';

CREATE TABLE grievance_events (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  grievance_id integer NOT NULL,
  actor_id varchar,
  kind text NOT NULL,
  new_status grievance_status,
  note text,
  payload jsonb NOT NULL DEFAULT '{}'::jsonb,
  at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT grievance_events_grievance_id_grievances_id_fk FOREIGN KEY (grievance_id) REFERENCES grievances ON DELETE CASCADE,
  CONSTRAINT grievance_events_actor_id_users_id_fk FOREIGN KEY (actor_id) REFERENCES users ON DELETE SET NULL
);

CREATE TABLE replies (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  grievance_id integer NOT NULL,
  author_id varchar,
  body text NOT NULL,
  is_internal boolean NOT NULL DEFAULT false,
  rating real,
  created_at timestamp NOT NULL DEFAULT now(),
  CONSTRAINT replies_grievance_id_grievances_id_fk FOREIGN KEY (grievance_id) REFERENCES grievances ON DELETE CASCADE,
  CONSTRAINT replies_author_id_users_id_fk FOREIGN KEY (author_id) REFERENCES users ON DELETE SET NULL
);

CREATE TABLE attachments (
  id varchar PRIMARY KEY DEFAULT gen_random_uuid(),
  grievance_id integer NOT NULL,
  uploaded_by varchar,
  file_name text NOT NULL,
  content_type text,
  size_bytes bigint,
  sha256 bytea,
  thumbnail bytea,
  object_path text,
  created_at timestamptz DEFAULT now(),
  CONSTRAINT attachments_grievance_id_grievances_id_fk FOREIGN KEY (grievance_id) REFERENCES grievances ON DELETE CASCADE,
  CONSTRAINT attachments_uploaded_by_users_id_fk FOREIGN KEY (uploaded_by) REFERENCES users ON DELETE SET NULL
);

CREATE TABLE grievance_watchers (
  grievance_id integer NOT NULL,
  user_id varchar NOT NULL,
  muted boolean,
  since date,
  CONSTRAINT grievance_watchers_grievance_id_user_id_pk PRIMARY KEY (grievance_id, user_id),
  CONSTRAINT grievance_watchers_grievance_id_grievances_id_fk FOREIGN KEY (grievance_id) REFERENCES grievances ON DELETE CASCADE,
  CONSTRAINT grievance_watchers_user_id_users_id_fk FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE
);

CREATE TABLE payments (
  id varchar PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id varchar,
  grievance_id integer,
  stripe_payment_intent text CONSTRAINT payments_stripe_payment_intent_unique UNIQUE,
  amount numeric(12, 2) NOT NULL,
  currency varchar(3) NOT NULL DEFAULT 'usd',
  exchange_rate numeric,
  fee_ratio double precision,
  risk_score real,
  refunded boolean NOT NULL DEFAULT false,
  metadata jsonb,
  paid_at timestamptz,
  CONSTRAINT payments_amount_check CHECK (amount >= 0),
  CONSTRAINT payments_user_id_users_id_fk FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL,
  CONSTRAINT payments_grievance_id_grievances_id_fk FOREIGN KEY (grievance_id) REFERENCES grievances ON DELETE SET NULL
);
COMMENT ON COLUMN payments.exchange_rate IS 'To the euro, as the bank wrote it: up to nine decimals';

CREATE TABLE "Order Items" (
  "Payment Id" varchar NOT NULL,
  "Line No" integer NOT NULL,
  "SKU" text NOT NULL,
  "user" varchar,
  "select" boolean,
  "Quantity" integer NOT NULL DEFAULT 1,
  "Unit Price" numeric(12, 2),
  CONSTRAINT "Order Items_pk" PRIMARY KEY ("Payment Id", "Line No"),
  CONSTRAINT "Order Items_sku_unique" UNIQUE ("Payment Id", "SKU"),
  CONSTRAINT "Order Items_quantity_check" CHECK ("Quantity" > 0),
  CONSTRAINT "Order Items_Payment Id_payments_id_fk" FOREIGN KEY ("Payment Id") REFERENCES payments ON DELETE CASCADE,
  CONSTRAINT "Order Items_user_users_id_fk" FOREIGN KEY ("user") REFERENCES users ON DELETE SET NULL
);

-- Made by hand in the SQL console; no ORM knows these.
CREATE TABLE app.access_log (
  at timestamptz NOT NULL,
  method text NOT NULL,
  path text NOT NULL,
  status smallint,
  duration_ms double precision,
  user_id varchar,
  user_agent text
);
COMMENT ON TABLE app.access_log IS 'No key on purpose: two equal rows are two requests';

CREATE TABLE app.daily_counts (
  day date,
  department_id integer REFERENCES public.departments ON DELETE CASCADE,
  opened integer NOT NULL DEFAULT 0,
  closed integer NOT NULL DEFAULT 0,
  median_hours numeric(8, 3),
  PRIMARY KEY (day, department_id)
);

CREATE TABLE app.settings (
  key text PRIMARY KEY,
  value jsonb,
  "user" text,
  valid_until timestamptz,
  notes text
);

CREATE TABLE app.office_hours (
  id integer GENERATED BY DEFAULT AS IDENTITY (START WITH 1000 INCREMENT BY 10) PRIMARY KEY,
  weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
  opens time NOT NULL,
  closes time,
  CHECK (closes IS NULL OR closes > opens)
);

CREATE TABLE app.webhook_failures (
  id bigserial PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT now(),
  body bytea,
  reason text
);

CREATE SEQUENCE app.receipt_number_seq AS bigint START WITH 100000 INCREMENT BY 10 CACHE 5;

------------------------------------------------------------------------------------------------------------ rows

INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES
  ('cb7da925f8d5e6865a41f5d102c89f0d02b6267726926030ff5524ffbd607011', 1706000000000),
  ('8d612393744119d256a32ddeb83d96638d928f4f91619c4cc80e20b3bdd17c7e', 1712000000000);

INSERT INTO users
SELECT pg_temp.uid(i),
       CASE WHEN i % 25 = 7 THEN NULL WHEN i % 40 = 3 THEN 'Citizen.' || i || '@Example.ORG' ELSE 'citizen' || i || '@example.org' END,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN '' ELSE (ARRAY['Amara', 'Björn', 'Chidi', 'Dorothea', 'Émile', 'Fatima', '光', 'Ольга', 'נועה', 'Zoe' || E'\u0308'])[1 + i % 10] END,
       CASE WHEN i % 9 = 0 THEN NULL ELSE (ARRAY['O''Brien', 'Okafor', 'Sørensen', 'García Márquez', 'عبد الله', 'Nguyễn', 'Smith'])[1 + i % 7] END,
       CASE WHEN i % 3 = 0 THEN NULL ELSE 'https://avatars.example/' || md5('face' || i) || '.png' END,
       CASE WHEN i % 6 = 0 THEN 'cus_FAKE' || upper(substr(md5('cus' || i), 1, 14)) END,
       timestamp '2024-01-02' + i * interval '11 minutes',
       CASE WHEN i % 17 = 0 THEN NULL ELSE timestamp '2025-01-02' + i * interval '13 minutes 7.000009 seconds' END
FROM generate_series(1, 50 * :scale) i;

INSERT INTO sessions
SELECT translate(encode(decode(md5('sid' || i) || md5('sid2' || i), 'hex'), 'base64'), '+/=', '-_'),
       jsonb_build_object('cookie', jsonb_build_object('originalMaxAge', 604800000, 'secure', true, 'httpOnly', true, 'path', '/'),
         'passport', jsonb_build_object('user', jsonb_build_object('claims', jsonb_build_object('sub', pg_temp.uid(1 + pg_temp.h(i, 'sess') % (50 * :scale)), 'exp', 1782000000 + i)))),
       timestamp '2026-06-20' + (i % 10080) * interval '1 minute'
FROM generate_series(1, 20 * :scale) i;

INSERT INTO departments (parent_id, name, contact_email, languages, active)
SELECT CASE WHEN i > 8 THEN 1 + i % 8 END,
       (ARRAY['Roads', 'Water', 'Housing', 'Schools', 'Parks', 'Waste 🗑️', 'Santé', 'خدمات'])[1 + (i - 1) % 8]
         || CASE WHEN i > 8 THEN ', district ' || ((i - 1) / 8) ELSE '' END,
       CASE WHEN i % 5 = 0 THEN NULL WHEN i % 7 = 0 THEN '' ELSE 'dept' || i || '@city.example' END,
       CASE i % 4 WHEN 0 THEN '{en}' WHEN 1 THEN '{en,fr}' WHEN 2 THEN '{}' ELSE '{ar,NULL,"he, IL"}' END::text[],
       i % 10 <> 9
FROM generate_series(1, 40) i;

INSERT INTO categories
SELECT code, initcap(replace(code, '_', ' ')), CASE WHEN n % 3 = 0 THEN NULL ELSE ARRAY[code, '', 'say "hi", {ok}', 'back\slash'] END,
       CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN '{1,NULL,3}' ELSE '{{1,2},{3,4}}' END::integer[]
FROM unnest(ARRAY['noise', 'potholes', 'lighting', 'billing', 'delay', 'conduct', 'access', 'damage', 'safety', 'data', 'other', 'Ünlisted'])
     WITH ORDINALITY AS c(code, n);

INSERT INTO grievances (citizen_id, department_id, category_code, duplicate_of, status, priority, title, body, location, tags, room_numbers,
                        claimed_amount, incident_date, incident_time, is_public, reported_at, created_at, updated_at, deleted_at)
SELECT CASE WHEN i % 31 = 0 THEN NULL ELSE pg_temp.uid(1 + a % (50 * :scale)) END,
       CASE WHEN i % 19 = 0 THEN NULL ELSE 1 + a % 40 END,
       CASE WHEN i % 23 = 0 THEN NULL ELSE (ARRAY['noise', 'potholes', 'lighting', 'billing', 'delay', 'conduct', 'access', 'damage', 'safety', 'data', 'other', 'Ünlisted'])[1 + b % 12] END,
       CASE WHEN i % 29 = 0 THEN 1 + b % (i - 1) END,
       ((enum_range(NULL::grievance_status))[1 + b % 5]),
       1 + a % 5,
       (ARRAY['Street light out', 'Water bill is wrong', 'Pothole 🕳️ on Main St', 'Cafe' || E'\u0301' || ' noise after 22:00', 'شكوى بشأن الضوضاء',
              'תאורה שבורה ברחוב', '道路に穴があります', 'Family 👨‍👩‍👧‍👦 flat is damp', 'Straße gesperrt', 'It''s "urgent"', E'Tab\there', '100% \ wrong'])[1 + a % 12]
         || ' #' || i,
       CASE WHEN i % 14 = 0 THEN '' ELSE repeat(md5(i || 'body') || E' and then nobody came.\n', 1 + b % 6) END,
       CASE WHEN i % 5 = 0 THEN NULL
            WHEN i % 37 = 0 THEN 'null'::jsonb
            ELSE jsonb_build_object('lat', round(48 + (a % 100000) / 100000.0, 6), 'lng', round(2 + (b % 100000) / 100000.0, 6), 'street', 'Rue d''été ' || a % 300, 'floor', NULL) END,
       CASE WHEN i % 4 = 0 THEN '{}' WHEN i % 4 = 1 THEN ARRAY['night', 'repeat'] WHEN i % 4 = 2 THEN ARRAY['', 'a,b', 'NULL'] ELSE ARRAY['🔥'] END,
       CASE WHEN i % 3 = 0 THEN NULL ELSE ARRAY[a % 500, -(b % 20), NULL] END,
       CASE WHEN i % 2 = 0 THEN NULL ELSE (a % 100000000) / 100.0 END,
       CASE WHEN i % 8 = 0 THEN NULL ELSE date '2024-01-01' + a % 900 END,
       CASE WHEN i % 7 = 0 THEN NULL ELSE time '00:00' + (b % 86400) * interval '1 second' END,
       b % 3 = 0,
       CASE WHEN i % 10 = 0 THEN NULL ELSE timestamp '2024-01-01 02:00' + i::bigint * 77760000 / (400 * :scale) * interval '1 second' END,
       timestamptz '2024-01-01 00:00+00' + i::bigint * 77760000 / (400 * :scale) * interval '1 second' + a % 1000000 * interval '1 microsecond',
       CASE WHEN i % 3 = 1 THEN timestamptz '2024-02-01 00:00+00' + i::bigint * 77760000 / (400 * :scale) * interval '1 second' END,
       CASE WHEN i % 43 = 0 THEN timestamptz '2024-03-01 00:00+00' + i::bigint * 77760000 / (400 * :scale) * interval '1 second' END
FROM generate_series(1, 400 * :scale) i, LATERAL (SELECT pg_temp.h(i, 'a') AS a, pg_temp.h(i, 'b') AS b OFFSET 0) r
ORDER BY i;

INSERT INTO grievance_events
SELECT md5('event' || i)::uuid,
       1 + a % (400 * :scale),
       CASE WHEN i % 6 = 0 THEN NULL ELSE pg_temp.uid(1 + a % (50 * :scale)) END,
       (ARRAY['created', 'assigned', 'status', 'reply', 'viewed'])[1 + i % 5],
       CASE WHEN i % 5 = 2 THEN (enum_range(NULL::grievance_status))[1 + a % 5] END,
       CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN '' ELSE 'Moved to desk ' || a % 90 END,
       CASE WHEN i % 4 = 0 THEN '{}'::jsonb
            ELSE jsonb_build_object('by', CASE WHEN i % 2 = 0 THEN 'staff' ELSE 'citizen' END, 'n', i, 'ratio', round(a / 268435456.0, 8), 'labels', jsonb_build_array('x', a % 7, NULL, '✓')) END,
       timestamptz '2024-01-01 00:00+00' + (a % 77760000) * interval '1 second' + i * interval '1 microsecond'
FROM generate_series(1, 1200 * :scale) i, LATERAL (SELECT pg_temp.h(i, 'ev') AS a OFFSET 0) r;

INSERT INTO replies (grievance_id, author_id, body, is_internal, rating, created_at)
SELECT 1 + a % (400 * :scale),
       CASE WHEN i % 12 = 0 THEN NULL ELSE pg_temp.uid(1 + i % 2) END,
       CASE WHEN i = 77 THEN (SELECT string_agg(md5(k || 'long'), ' ') FROM generate_series(1, 2000) k)
            ELSE (ARRAY['We are looking into it.', 'Résolu, merci 🙏', 'Please send a photo.', 'تم الحل', E'Line one\r\nline two', '—'])[1 + a % 6] || ' ' || md5(i || 'reply') END,
       i % 9 = 0,
       CASE WHEN i % 4 = 0 THEN (a % 50) / 10.0 END,
       timestamp '2024-01-05' + (a % 77000000) * interval '1 second'
FROM generate_series(1, 600 * :scale) i, LATERAL (SELECT pg_temp.h(i, 're') AS a OFFSET 0) r
ORDER BY i;

INSERT INTO attachments
SELECT md5('att' || i)::uuid::text,
       1 + a % (400 * :scale),
       CASE WHEN i % 8 = 0 THEN NULL ELSE pg_temp.uid(1 + a % (50 * :scale)) END,
       (ARRAY['photo.jpg', 'bill été.pdf', 'naïve plan.dwg', '写真.png'])[1 + i % 4],
       CASE i % 4 WHEN 0 THEN 'image/jpeg' WHEN 1 THEN 'application/pdf' WHEN 3 THEN 'image/png' END,
       CASE WHEN i % 10 = 0 THEN NULL WHEN i = 5 THEN 6000000000 ELSE a END,
       CASE WHEN i % 7 = 0 THEN NULL ELSE sha256(convert_to('file' || i, 'UTF8')) END,
       CASE WHEN i = 9 THEN (SELECT decode(string_agg(md5(k || 'thumb'), ''), 'hex') FROM generate_series(1, 8000) k)
            WHEN i % 3 = 0 THEN decode(repeat(md5(i || 'px') || '00ff', 1 + a % 8), 'hex')
            WHEN i % 3 = 1 THEN ''::bytea END,
       CASE WHEN i % 20 = 0 THEN 'https://storage.googleapis.com/replit-objstore-00000000-0000-4000-8000-000000000000/.private/uploads/' || md5('obj' || i)::uuid
            WHEN i % 9 = 0 THEN NULL ELSE '/objects/uploads/' || md5('obj' || i)::uuid END,
       timestamptz '2024-01-03 00:00+00' + (a % 14000000) * interval '1 second'
FROM generate_series(1, 200 * :scale) i, LATERAL (SELECT pg_temp.h(i, 'at') AS a OFFSET 0) r;

INSERT INTO grievance_watchers
SELECT 1 + i % (200 * :scale),
       pg_temp.uid(1 + (pg_temp.h(i % (200 * :scale), 'w') + i / (200 * :scale) * 7) % (50 * :scale)),
       CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END,
       CASE WHEN i % 5 > 0 THEN date '2024-01-01' + i % 900 END
FROM generate_series(0, 300 * :scale - 1) i;

DO $$ BEGIN PERFORM setseed(0.42); END $$;

INSERT INTO payments
SELECT md5('pay' || i)::uuid::text,
       CASE WHEN i % 15 = 0 THEN NULL ELSE pg_temp.uid(1 + a % (50 * :scale)) END,
       CASE WHEN i % 4 = 0 THEN NULL ELSE 1 + a % (400 * :scale) END,
       CASE WHEN i % 10 = 0 THEN NULL ELSE 'pi_FAKE' || substr(md5('pi' || i), 1, 20) END,
       CASE i WHEN 1 THEN 9999999999.99 WHEN 2 THEN 0 ELSE (a % 500000) / 100.0 END,
       (ARRAY['usd', 'eur', 'jpy'])[1 + i % 3],
       CASE WHEN i = 3 THEN 12345678901234567890.123456789 WHEN i % 6 = 0 THEN NULL ELSE round((a % 200000000) / 100000000.0, i % 10) END,
       CASE WHEN i % 5 = 0 THEN NULL ELSE random() END,
       CASE WHEN i = 4 THEN 'NaN' WHEN i % 3 = 0 THEN NULL ELSE (a % 1000) / 1000.0 END,
       i % 33 = 0,
       CASE WHEN i % 2 = 0 THEN jsonb_build_object('receipt', 100000 + i * 10, 'note', E'quote " and \\ and \u00e9') END,
       CASE WHEN i % 10 > 0 THEN timestamptz '2024-06-01 00:00+00' + (a % 60000000) * interval '1 second' END
FROM generate_series(1, 80 * :scale) i, LATERAL (SELECT pg_temp.h(i, 'pa') AS a OFFSET 0) r;

INSERT INTO "Order Items"
SELECT md5('pay' || 1 + i / 2)::uuid::text, 1 + i % 2, 'SKU-' || i % 2 || '-' || a % 100,
       CASE WHEN i % 3 > 0 THEN pg_temp.uid(1 + a % (50 * :scale)) END,
       CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END, 1 + a % 9, CASE WHEN i % 7 > 0 THEN (a % 20000) / 100.0 END
FROM generate_series(0, 160 * :scale - 1) i, LATERAL (SELECT pg_temp.h(i, 'oi') AS a OFFSET 0) r;

INSERT INTO conversations (title, created_at)
SELECT CASE WHEN i % 20 = 0 THEN '' ELSE 'Draft answer 💬 ' || i END, timestamp '2025-10-01' + i * interval '4 hours'
FROM generate_series(1, 15 * :scale) i ORDER BY i;

INSERT INTO messages (conversation_id, role, content, created_at)
SELECT 1 + i / 6, CASE WHEN i % 2 = 0 THEN 'user' ELSE 'assistant' END,
       CASE WHEN i % 40 = 0 THEN '' ELSE repeat('Dear citizen, thank you for writing. ', 1 + i % 9) || md5(i || 'msg') END,
       timestamp '2025-10-01' + i * interval '40 minutes'
FROM generate_series(0, 90 * :scale - 1) i ORDER BY i;

INSERT INTO app.access_log
SELECT timestamptz '2026-05-01 00:00+00' + i / 2 * interval '1 minute', (ARRAY['GET', 'GET', 'POST'])[1 + i % 3],
       '/api/grievances' || CASE WHEN i % 4 = 0 THEN '' ELSE '/' || i % 97 END, CASE WHEN i % 50 > 0 THEN 200 + i % 3 * 100 END,
       random() * 900, CASE WHEN i % 3 > 0 THEN pg_temp.uid(1 + i % (50 * :scale)) END, CASE WHEN i % 5 > 0 THEN 'Mozilla/5.0 (sample)' END
FROM generate_series(1, 499 * :scale) i;
INSERT INTO app.access_log  -- the same request twice: equal in every column
SELECT timestamptz '2026-06-19 12:00+00', 'GET', '/', 200, 1.5, NULL, '' FROM generate_series(1, :scale);

INSERT INTO app.daily_counts
SELECT date '2024-01-01' + i / 40, 1 + i % 40, a % 60, a % 41, CASE WHEN i % 6 > 0 THEN (a % 90000) / 1000.0 END
FROM generate_series(0, 30 * :scale - 1) i, LATERAL (SELECT pg_temp.h(i, 'dc') AS a OFFSET 0) r;

INSERT INTO app.settings VALUES
  ('banner', '{"text": "We are closed on Friday 🎉", "level": null}', 'select', '2026-12-31 23:59:59.999999+00', 'user, select and order are names here'),
  ('limits', '[1, 2.50, 1e3, -0.0, "", []]', NULL, 'infinity', NULL),
  ('opened', '"2024-01-01"', '', '-infinity', ''),
  ('json null', 'null', NULL, NULL, 'The value is the JSON null'),
  ('sql null', NULL, NULL, NULL, 'The value is the SQL NULL'),
  ('', '{}', NULL, NULL, 'The empty key'),
  ('e' || E'\u0301', '1', NULL, NULL, 'e and a combining accent'),
  (E'\u00e9', '2', NULL, NULL, 'One character; looks the same as the row above');

INSERT INTO app.office_hours (weekday, opens, closes)
SELECT d, time '08:30' + (d - 1) * interval '5 minutes', CASE WHEN d = 5 THEN NULL ELSE time '16:00:00.5' END FROM generate_series(1, 5) d;

CREATE TABLE grievances_backup_20240611 AS SELECT * FROM grievances WHERE id <= 5 * :scale;

------------------------------------------------------------------------------------------------------------ the rest

-- Many rows were deleted since: the sequence is far ahead of the largest id.
DO $$ BEGIN
  PERFORM setval('public.grievances_id_seq', 4000000);
  PERFORM setval('app.receipt_number_seq', 1042170);
END $$;

CREATE INDEX "IDX_session_expire" ON sessions (expire);
CREATE INDEX users_email_lower_idx ON users (lower(email));
CREATE INDEX grievances_open_idx ON grievances (department_id) WHERE status = 'open' AND deleted_at IS NULL;
CREATE INDEX grievances_newest_idx ON grievances (created_at DESC NULLS LAST);
CREATE INDEX grievances_citizen_idx ON grievances (citizen_id);
CREATE INDEX grievance_events_grievance_idx ON grievance_events (grievance_id, at);
CREATE INDEX grievance_events_payload_idx ON grievance_events USING gin (payload);
CREATE INDEX replies_grievance_idx ON replies (grievance_id);
CREATE INDEX access_log_at_idx ON app.access_log (at DESC);

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION touch_updated_at() IS 'Sets updated_at on every UPDATE';
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER grievances_touch BEFORE UPDATE ON grievances FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE FUNCTION app.open_count(dept integer) RETURNS bigint LANGUAGE sql STABLE
  AS $$ SELECT count(*) FROM public.grievances WHERE department_id = dept AND status = 'open' AND deleted_at IS NULL $$;

CREATE VIEW open_grievances AS
  SELECT g.id, g.reference, g.title, g.priority, d.name AS department, g.created_at
  FROM grievances g LEFT JOIN departments d ON d.id = g.department_id
  WHERE g.status = 'open' AND g.deleted_at IS NULL;

CREATE MATERIALIZED VIEW app.department_totals AS
  SELECT d.id AS department_id, count(g.id) AS grievances, sum(g.claimed_amount) AS claimed
  FROM public.departments d LEFT JOIN public.grievances g ON g.department_id = d.id
  GROUP BY d.id;
CREATE UNIQUE INDEX department_totals_key ON app.department_totals (department_id);

DROP FUNCTION pg_temp.h(bigint, text);
DROP FUNCTION pg_temp.uid(bigint);

SET LOCAL client_min_messages = error;  -- only our own tables: the shared catalogs are not ours to analyze
ANALYZE;

COMMIT;
