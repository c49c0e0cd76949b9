-- mixed.sql: rows of mixed width for the measure with DSQL's batch limits, in types that Aurora DSQL has.
-- psql variables: rows (all of them together), fill (0: the tables alone, for a target).
\set ON_ERROR_STOP on
SET synchronous_commit = off;

CREATE TABLE public.narrow (id bigint PRIMARY KEY, owner bigint NOT NULL, amount numeric(12,2), ok boolean NOT NULL);
CREATE TABLE public.middle (id bigint PRIMARY KEY, ref uuid NOT NULL, at timestamptz NOT NULL, title text NOT NULL, note text);
CREATE TABLE public.wide (id bigint PRIMARY KEY, slug text NOT NULL, body text NOT NULL);

\if :fill
-- 60 % of the rows have about 40 bytes, 30 % about 250, 10 % from 1 to 7 kB: the first two meet the limit of rows, the last that of bytes
INSERT INTO public.narrow
SELECT i, (i::bigint * 104729) % 100000, CASE WHEN i % 11 = 0 THEN NULL ELSE ((i::bigint * 37) % 1000000) / 100.0 END, i % 3 = 0
FROM generate_series(1, :rows * 6 / 10) i;
INSERT INTO public.middle
SELECT i, md5('m' || i)::uuid, timestamptz '2025-01-01 00:00+00' + i * interval '7 seconds', 'title ' || i || ' it''s ' || md5(i::text),
       CASE WHEN i % 5 = 0 THEN NULL ELSE repeat(md5(i::text) || E' tab\tback\\slash\n', 1 + i % 6) END
FROM generate_series(1, :rows * 3 / 10) i;
INSERT INTO public.wide
SELECT i, 'doc-' || i, (SELECT string_agg(md5((i * 1000 + k)::text), ' ') FROM generate_series(1, 30 + i % 185) k)
FROM generate_series(1, :rows / 10) i;
VACUUM ANALYZE;
\endif
