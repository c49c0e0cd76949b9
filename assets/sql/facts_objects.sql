-- One JSON document: schemas, extensions, roles, sequences, what Aurora DSQL leaves a choice for, and the columns that may tell how fresh a table is. Read-only.
select jsonb_build_object(
  'schemas', (select coalesce(jsonb_agg(n.nspname order by n.nspname), '[]') from pg_namespace n
     where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'migrate_wizard_freeze', 'sys')),
  'extensions', (select coalesce(jsonb_agg(jsonb_build_object('name', e.extname, 'version', e.extversion) order by e.extname), '[]')
     from pg_extension e where e.extname <> 'plpgsql'),
  'roles', (select coalesce(jsonb_agg(jsonb_build_object('name', r.rolname, 'super', r.rolsuper, 'login', r.rolcanlogin, 'replication', r.rolreplication) order by r.rolname), '[]')
     from pg_roles r where r.rolname !~ '^pg_'),
  'sequences', (select coalesce(jsonb_agg(jsonb_build_object('schema', s.schemaname, 'name', s.sequencename, 'last_value', s.last_value) order by s.schemaname, s.sequencename), '[]')
     from pg_sequences s where s.schemaname not in ('migrate_wizard', 'sys')),
  'enums', (select coalesce(jsonb_agg(distinct n.nspname), '[]') from pg_type t join pg_namespace n on n.oid = t.typnamespace
     where t.typtype = 'e' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')),
  'arrays', (select coalesce(jsonb_agg(distinct n.nspname), '[]') from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     join pg_type t on t.oid = a.atttypid left join pg_type b on b.oid = t.typbasetype
     where c.relkind in ('r', 'p') and not a.attisdropped and a.attnum > 0 and (t.typcategory = 'A' or coalesce(b.typcategory, '') = 'A')
       and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')),
  'bare_numerics', (select coalesce(jsonb_agg(distinct n.nspname), '[]') from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     join pg_type t on t.oid = a.atttypid
     where c.relkind in ('r', 'p') and not a.attisdropped and a.attnum > 0
       and ((a.atttypid = 'numeric'::regtype and a.atttypmod = -1) or (t.typbasetype = 'numeric'::regtype and t.typtypmod = -1))
       and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')),
  'time_columns', (select coalesce(jsonb_agg(jsonb_build_object('schema', n.nspname, 'table', c.relname, 'column', a.attname)), '[]')
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and not a.attisdropped and a.attnum > 0 and a.attname in ('created_at', 'createdAt', 'updated_at', 'updatedAt')
       and a.atttypid in ('timestamp'::regtype, 'timestamptz'::regtype) and c.reltuples between 0 and 1000000
       and has_table_privilege(c.oid, 'select') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')))
