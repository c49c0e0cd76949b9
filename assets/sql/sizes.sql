-- One JSON array: bytes of every user table on disk with its large values, and its indexes, each with its access method, its bytes, and those
-- of the table's own pages, which it is made from. Read-only; not for Aurora DSQL.
-- A partitioned table counts its partitions.
select coalesce(jsonb_agg(jsonb_build_object('oid', c.oid::int8, 'bytes', s.bytes, 'indexes', s.indexes)), '[]')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select array_agg(t.relid) as relids
  from (select c.oid as relid where c.relkind = 'r' union all select p.relid from pg_partition_tree(c.oid) p where c.relkind = 'p') t) parts
cross join lateral (
  select (select coalesce(sum(pg_table_size(relid)), 0)::bigint from unnest(parts.relids) relid) as bytes,
    (select coalesce(jsonb_agg(jsonb_build_object('name', xn.nspname || '.' || x.relname, 'method', a.amname,
        'bytes', pg_relation_size(x.oid), 'pages_of', pg_relation_size(i.indrelid))), '[]')
      from pg_index i join pg_class x on x.oid = i.indexrelid join pg_namespace xn on xn.oid = x.relnamespace join pg_am a on a.oid = x.relam
      where i.indrelid = any (parts.relids)) as indexes) s
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')
