-- growth.sql: one table of short rows, of which only the number varies.
-- psql variable: rows.
\set ON_ERROR_STOP on
SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';
CREATE TABLE public.growth (id bigint NOT NULL, a int, b text, c timestamptz);
INSERT INTO public.growth
SELECT i, (i::bigint * 7919 % 1000000)::int, md5(i::text) || ' ' || left(md5('b' || i), 27), timestamptz '2025-01-01 00:00+00' + i * interval '1 second'
FROM generate_series(1, :rows) i;
ALTER TABLE public.growth ADD PRIMARY KEY (id);
VACUUM ANALYZE;
