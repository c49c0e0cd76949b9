-- Every ordinary table with the names and types of its columns; no row.
select coalesce(json_agg(json_build_object('schema', schema, 'name', name, 'columns', columns) order by schema, name), '[]')
from (
  select n.nspname as schema, c.relname as name, json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) as columns
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind in ('r', 'p')
    and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard')
  group by 1, 2
) found
