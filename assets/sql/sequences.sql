-- One JSON array: every sequence, its state, and the column that owns it or whose default draws from it. Read-only.
select coalesce(jsonb_agg(jsonb_build_object(
  'schema', s.schemaname, 'name', s.sequencename, 'last_value', s.last_value, 'increment', s.increment_by, 'least', s.min_value, 'most', s.max_value,
  'owner', (select jsonb_build_object('schema', tn.nspname, 'table', t.relname, 'column', a.attname)
     from pg_depend d join pg_class t on t.oid = d.refobjid join pg_namespace tn on tn.oid = t.relnamespace
     join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
     where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') limit 1),
  'identity', exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i'),
  'users', (select coalesce(jsonb_agg(jsonb_build_object('schema', tn.nspname, 'table', t.relname, 'column', a.attname) order by tn.nspname, t.relname, a.attname), '[]')
     from pg_depend d join pg_attrdef f on f.oid = d.objid join pg_class t on t.oid = f.adrelid join pg_namespace tn on tn.oid = t.relnamespace
     join pg_attribute a on a.attrelid = t.oid and a.attnum = f.adnum
     where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid)) order by s.schemaname, s.sequencename), '[]')
from pg_sequences s
join pg_namespace n on n.nspname = s.schemaname
join pg_class c on c.relnamespace = n.oid and c.relname = s.sequencename and c.relkind = 'S'
where s.schemaname !~ '^pg_' and s.schemaname not in ('information_schema', 'migrate_wizard', 'sys')
