-- One JSON document: how far the database's writing has come. Read-only; gives no transaction number out itself.
-- Of each table: its identity, the file its rows are in (TRUNCATE and a rewrite change it) and the rows ever inserted, updated and deleted.
select jsonb_build_object(
  'next_xid', pg_snapshot_xmax(pg_current_snapshot())::text,
  'writing', (select count(distinct a.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted and a.datname = current_database() and a.usesysid is not null and a.pid <> pg_backend_pid()),
  'prepared', (select count(*) from pg_prepared_xacts where database = current_database()),
  'others', (select count(*) from pg_stat_activity
     where datname = current_database() and usesysid is not null and pid <> pg_backend_pid() and coalesce(application_name, '') <> 'migrate-wizard'),
  'version', current_setting('server_version_num')::int,
  'tables', (select coalesce(jsonb_object_agg(s.schemaname || '.' || s.relname, jsonb_build_array(s.relid::bigint, coalesce(pg_relation_filenode(s.relid)::bigint, 0),
         s.n_tup_ins + s.n_tup_upd + s.n_tup_del)), '{}')
     from pg_stat_all_tables s
     where (s.schemaname !~ '^pg_' and s.schemaname not in ('information_schema', 'migrate_wizard', 'migrate_wizard_freeze', 'sys'))
        or s.relid = 'pg_largeobject'::regclass))
