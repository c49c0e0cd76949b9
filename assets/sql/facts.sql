-- One JSON document: the server, the database and the current user. Read-only.
select jsonb_build_object(
  'version_num', current_setting('server_version_num')::int,
  'version', version(),
  'database', current_database(),
  'database_bytes', case when has_database_privilege(current_database(), 'connect') then pg_database_size(current_database()) end,
  'encoding', pg_encoding_to_char(d.encoding),
  'collation', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', d.datcollate),
  'wal_level', current_setting('wal_level', true),
  'user', current_user,
  'user_is_super', coalesce((select r.rolsuper from pg_roles r where r.rolname = current_user), false),
  'user_owns_database', pg_has_role(current_user, d.datdba, 'usage'),
  'user_may_replicate', coalesce((select r.rolreplication from pg_roles r where r.rolname = current_user), false),
  'unreadable_tables', (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')
       and not has_table_privilege(c.oid, 'select')))
from pg_database d
where d.datname = current_database()
