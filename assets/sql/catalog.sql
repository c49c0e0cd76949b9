-- One JSON array: every user table with its columns and key, as the mover needs them. Read-only; plain enough for Aurora DSQL.
-- `key` is the primary key, or else the narrowest unique index whose columns are never null.
-- `collation` names the rule that orders a column's text, with its version; empty for types that have none.
select coalesce(jsonb_agg(jsonb_build_object(
  'schema', n.nspname,
  'name', c.relname,
  'oid', c.oid::int8,
  'partitioned', c.relkind = 'p',
  'has_children', c.relkind = 'r' and c.relhassubclass,
  'is_child', exists (select 1 from pg_inherits h where h.inhrelid = c.oid),
  'rows', case when c.relkind = 'p'
     then (select coalesce(sum(greatest(p.reltuples::bigint, 0)), 0) from pg_class p join pg_inherits h on h.inhrelid = p.oid where h.inhparent = c.oid)
     else greatest(c.reltuples::bigint, 0) end,
  'pages', greatest(c.relpages, 0),
  'indexes', (select count(*) from pg_index i where i.indrelid = c.oid),
  'triggers', (select coalesce(jsonb_agg(jsonb_build_object('name', g.tgname, 'always', g.tgenabled in ('A', 'R')) order by g.tgname), '[]')
     from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled <> 'D' and g.tgname <> 'migrate_wizard_freeze'),
  'foreign_keys', (select coalesce(jsonb_agg(f.conname order by f.conname), '[]')
     from pg_constraint f where f.contype = 'f' and f.conparentid = 0 and (f.conrelid = c.oid or f.confrelid = c.oid)),
  'references', (select coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'to', pn.nspname || '.' || p.relname || '.' || b.attname)), '[]')
     from pg_constraint f
     join pg_class p on p.oid = f.confrelid
     join pg_namespace pn on pn.oid = p.relnamespace
     join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any (f.conkey)
     join pg_attribute b on b.attrelid = f.confrelid and b.attnum = f.confkey[array_position(f.conkey, a.attnum)]
     where f.contype = 'f' and f.conparentid = 0 and f.conrelid = c.oid),
  'primary', exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary),
  'key', (select coalesce(jsonb_agg(a.attname order by array_position(k.columns, a.attnum)), '[]')
     from (select i.indrelid, (i.indkey::int2[])[0:i.indnkeyatts - 1] as columns from pg_index i
        where i.indrelid = c.oid and i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and i.indexprs is null
          and not exists (select 1 from pg_attribute o where o.attrelid = i.indrelid and not o.attnotnull
             and o.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
        order by i.indisprimary desc, i.indnkeyatts, i.indexrelid limit 1) k
     join pg_attribute a on a.attrelid = k.indrelid and a.attnum = any (k.columns)),
  'columns', (select coalesce(jsonb_agg(jsonb_build_object(
       'name', a.attname,
       'type', case when tn.nspname = 'pg_catalog' then format_type(a.atttypid, a.atttypmod) else quote_ident(tn.nspname) || '.' || quote_ident(ty.typname) end,
       'modifier', a.atttypmod,
       'array', ty.typcategory = 'A' and ty.typname <> 'oidvector' and ty.typname <> 'int2vector',
       'binary', (a.atttypid::int8 < 16384 or ty.typtype = 'e') and ty.typname !~ '^reg' and ty.typname not in ('aclitem', '_aclitem') and ty.typname !~ '^_reg',
       'not_null', a.attnotnull,
       'has_default', a.atthasdef,
       'generated', a.attgenerated <> '',
       'identity_always', a.attidentity = 'a',
       'identity', a.attidentity <> '',
       'collation', case
          when a.attcollation = 0 then ''
          when co.collname <> 'default' then co.collname || ':' || coalesce(to_jsonb(co) ->> 'collversion', '')
          when to_jsonb(d) ->> 'datlocprovider' = 'b' then 'C:'
          when to_jsonb(d) ->> 'datlocprovider' = 'i' then 'icu ' || coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') || ':' || coalesce(to_jsonb(d) ->> 'datcollversion', '')
          else d.datcollate || ':' || coalesce(to_jsonb(d) ->> 'datcollversion', '') end) order by a.attnum), '[]')
     from pg_attribute a
     join pg_type ty on ty.oid = a.atttypid
     join pg_namespace tn on tn.oid = ty.typnamespace
     left join pg_collation co on co.oid = a.attcollation
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)) order by c.relpages desc, n.nspname, c.relname), '[]')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join (select * from pg_database where datname = current_database()) d
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')
  and not exists (select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
