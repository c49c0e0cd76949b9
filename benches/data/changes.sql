-- changes.sql: 0.1 % of the rows of the three big tables changed on the source: a quarter each updated, inserted, deleted, given a new key.
-- psql variables: round (0, 1, …: each takes other rows), every and share: of the keys past `share` of the largest, one in `every` for each kind.
--   scattered over the whole table: every=4000 share=0        among the newest 2 %: every=80 share=0.98
\set ON_ERROR_STOP on
BEGIN;
-- keys past one thousand million were moved there by an earlier round, and are left alone
SELECT max(aid) AS last, max(aid) * :share AS first FROM public.pgbench_accounts WHERE aid < 1000000000 \gset
SELECT (:round * 4 + 1) * 7 % :every AS u, (:round * 4 + 2) * 7 % :every AS d, (:round * 4 + 3) * 7 % :every AS k \gset
UPDATE public.pgbench_accounts SET abalance = abalance + 1 WHERE aid % :every = :u AND aid > :first AND aid < 1000000000;
DELETE FROM public.pgbench_accounts WHERE aid % :every = :d AND aid > :first AND aid < 1000000000;
UPDATE public.pgbench_accounts SET aid = aid + 1000000000 WHERE aid % :every = :k AND aid > :first AND aid < 1000000000;
INSERT INTO public.pgbench_accounts (aid, bid, abalance, filler)
SELECT :last + i, 1, i, 'new' FROM generate_series(1, (:last - :first)::bigint / :every) i;

SELECT max(id) AS last, max(id) * :share AS first FROM app.events WHERE id < 1000000000 \gset
UPDATE app.events SET amount = coalesce(amount, 0) + 1 WHERE id % :every = :u AND id > :first AND id < 1000000000;
DELETE FROM app.events WHERE id % :every = :d AND id > :first AND id < 1000000000;
UPDATE app.events SET id = id + 1000000000 WHERE id % :every = :k AND id > :first AND id < 1000000000;
INSERT INTO app.events (event_uuid, happened_at, kind, user_id, payload)
SELECT gen_random_uuid(), now(), 'api', i, '{"n": 1}' FROM generate_series(1, (:last - :first)::bigint / :every) i;

SELECT max(id) AS last, max(id) * :share AS first FROM app.documents WHERE id < 1000000000 \gset
UPDATE app.documents SET body = body || ' changed' WHERE id % :every = :u AND id > :first AND id < 1000000000;
DELETE FROM app.documents WHERE id % :every = :d AND id > :first AND id < 1000000000;
UPDATE app.documents SET id = id + 1000000000 WHERE id % :every = :k AND id > :first AND id < 1000000000;
INSERT INTO app.documents (slug, lang, body)
SELECT gen_random_uuid()::text, 'en', repeat('a new document ', 300) FROM generate_series(1, (:last - :first)::bigint / :every) i;
COMMIT;
