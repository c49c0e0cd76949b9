-- One JSON array: bytes of every user table on disk with its large values, and what its indexes take. Read-only; not for Aurora DSQL.
-- A partitioned table counts its partitions.
select coalesce(jsonb_agg(jsonb_build_object('oid', c.oid::int8, 'bytes', s.bytes, 'indexes', s.indexes)), '[]')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select coalesce(sum(pg_table_size(t.relid)), 0)::bigint as bytes,
    coalesce(sum((select sum(pg_relation_size(i.indexrelid)) from pg_index i where i.indrelid = t.relid)), 0)::bigint as indexes
  from (select c.oid as relid where c.relkind = 'r' union all select p.relid from pg_partition_tree(c.oid) p where c.relkind = 'p') t) s
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')
