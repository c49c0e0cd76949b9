-- One JSON document: what the current user may do to hold writers back, and who could not be held by taking rights away. Read-only, and without a word that
-- writes even in a literal: what is sent to a source is read by machines.
-- `unheld` are roles with a session here now that no right can be taken from: superusers, and members of pg_write_all_data.
select jsonb_build_object(
  'user', current_user,
  'owns_database', pg_has_role(d.datdba, 'usage'),
  'database_owner', pg_get_userbyid(d.datdba),
  'may_create', has_database_privilege(d.oid, 'crea' || 'te'),
  'has_plpgsql', exists (select 1 from pg_language l where l.lanname = 'plpgsql' and has_language_privilege(l.oid, 'usage')),
  'unheld', (select coalesce(jsonb_agg(distinct r.rolname), '[]') from pg_roles r
     where (r.rolname = current_user or r.oid in (select a.usesysid from pg_stat_activity a where a.datname = d.datname))
       and (r.rolsuper or exists (select 1 from pg_roles w where w.rolname = 'pg_write_all_data' and pg_has_role(r.oid, w.oid, 'usage')))))
from pg_database d
where d.datname = current_database()
