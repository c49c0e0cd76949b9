-- One JSON array: every user table, largest first. Read-only. Partitions count with their parent.
select coalesce(jsonb_agg(t.fact order by t.size desc, t.fact ->> 'schema', t.fact ->> 'name'), '[]')
from (
  select s.size, jsonb_build_object(
    'schema', n.nspname,
    'name', c.relname,
    'rows', (select coalesce(sum(greatest(p.reltuples::bigint, coalesce(pg_stat_get_live_tuples(p.oid), 0), 0)), 0) from pg_class p
       where p.oid = c.oid or p.oid in (select tree.relid from pg_partition_tree(c.oid) tree where c.relkind = 'p')),
    'bytes', s.size,
    'has_primary_key', exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary)) as fact
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  cross join lateral (select coalesce(case when c.relkind = 'p' then (select sum(pg_total_relation_size(tree.relid)) from pg_partition_tree(c.oid) tree)
                                  else pg_total_relation_size(c.oid) end, 0)::bigint as size) s
  where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')) t
