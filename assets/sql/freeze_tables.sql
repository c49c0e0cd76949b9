-- One JSON array: every table that a freeze holds, partitions too: who owns it, whether our trigger is on it, and who may write to it by which
-- right of the table (`rights`) or of one of its columns (`columns`). An empty grantee is everybody. Read-only.
select coalesce(jsonb_agg(jsonb_build_object(
  'schema', n.nspname, 'name', c.relname, 'owner', pg_get_userbyid(c.relowner),
  'ours', pg_has_role(c.relowner, 'usage'),
  'held', exists (select 1 from pg_trigger g where g.tgrelid = c.oid and g.tgname = 'migrate_wizard_freeze' and g.tgenabled = 'A'),
  'rights', (select coalesce(jsonb_agg(jsonb_build_object('grantor', pg_get_userbyid(a.grantor),
         'grantee', case when a.grantee = 0 then '' else pg_get_userbyid(a.grantee) end, 'right', lower(a.privilege_type), 'grantable', a.is_grantable)), '[]')
     from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a where a.privilege_type ~ '^(INS|UPD|DEL|TRUNC)'),
  'columns', (select coalesce(jsonb_agg(jsonb_build_object('column', t.attname, 'grantor', pg_get_userbyid(a.grantor),
         'grantee', case when a.grantee = 0 then '' else pg_get_userbyid(a.grantee) end, 'right', lower(a.privilege_type), 'grantable', a.is_grantable) order by t.attnum), '[]')
     from pg_attribute t cross join lateral aclexplode(t.attacl) a
     where t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped and a.privilege_type ~ '^(INS|UPD)')) order by n.nspname, c.relname), '[]')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'migrate_wizard_freeze', 'sys')
  and not exists (select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
