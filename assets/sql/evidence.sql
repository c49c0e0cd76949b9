-- One JSON array: every user table with what its data is measured by: columns, keys, indexes, checks, foreign keys. Read-only.
-- `bytes` is what a sequential scan with large values reads; names in expressions are as `search_path` leaves them.
with recursive unfolded(oid, base, modifier, chain, kind) as (
  select t.oid, t.oid, -1, '{}'::oid[], t.typtype from pg_type t
  union all
  select u.oid, t.typbasetype, t.typtypmod, u.chain || t.oid, (select b.typtype from pg_type b where b.oid = t.typbasetype)
  from unfolded u join pg_type t on t.oid = u.base where u.kind = 'd'
), plain as (select * from unfolded where kind <> 'd')
select coalesce(jsonb_agg(jsonb_build_object(
  'schema', n.nspname,
  'name', c.relname,
  'partitioned', c.relkind = 'p',
  'partition', c.relispartition,
  'has_children', c.relkind = 'r' and c.relhassubclass,
  'readable', has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'),
  'bytes', case when c.relkind = 'p' then (select coalesce(sum(pg_table_size(p.relid)), 0) from pg_partition_tree(c.oid) p) else pg_table_size(c.oid) end,
  'primary', (select coalesce(jsonb_agg(a.attname order by k.at), '[]') from pg_index i
     cross join lateral unnest(i.indkey::int2[]) with ordinality k(attnum, at)
     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
     where i.indrelid = c.oid and i.indisprimary and k.at <= i.indnkeyatts),
  'columns', (select coalesce(jsonb_agg(jsonb_build_object(
       'name', a.attname,
       'base', b.typname,
       'modifier', case when cardinality(p.chain) = 0 then a.atttypmod else p.modifier end,
       'length', b.typlen,
       'array', b.typcategory = 'A' and b.typlen = -1 and b.typelem <> 0,
       'element', coalesce((select e.typname from pg_type e where e.oid = b.typelem), ''),
       'not_null', a.attnotnull,
       'domain', (select dn.nspname || '.' || dt.typname from pg_type dt join pg_namespace dn on dn.oid = dt.typnamespace
          where dt.oid = p.chain[cardinality(p.chain)]),
       'domain_not_null', exists (select 1 from pg_type dt where dt.oid = any (p.chain) and dt.typnotnull),
       'plain_type', format_type(p.base, p.modifier),
       'domain_checks', (select coalesce(jsonb_agg(jsonb_build_object('name', k.conname, 'expression', pg_get_expr(k.conbin, 0), 'validated', k.convalidated)
          order by k.conname), '[]') from pg_constraint k where k.contypid = any (p.chain) and k.contype = 'c'),
       'counter', (select case when has_sequence_privilege(s.objid, 'select,usage') then pg_sequence_last_value(s.objid) end
          from pg_depend s join pg_class q on q.oid = s.objid and q.relkind = 'S'
          where s.classid = 'pg_class'::regclass and s.refclassid = 'pg_class'::regclass and s.refobjid = c.oid and s.refobjsubid = a.attnum
            and s.deptype in ('a', 'i') order by s.objid limit 1)) order by a.attnum), '[]')
     from pg_attribute a join plain p on p.oid = a.atttypid join pg_type b on b.oid = p.base
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  'keys', (select coalesce(jsonb_agg(jsonb_build_object(
       'constraint', k.conname,
       'index', x.relname,
       'primary', i.indisprimary,
       'unique', i.indisunique,
       'filter', pg_get_expr(i.indpred, i.indrelid),
       'nulls_distinct', coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') = 'false',
       'parts', (select jsonb_agg(jsonb_build_object('column', a.attname, 'sql', pg_get_indexdef(i.indexrelid, o.at::int, false),
             'collated', coalesce((i.indcollation::oid[])[o.at - 1], 0) <> 0 and ic.collname not in ('C', 'POSIX')
               and not (ic.collname = 'default' and d.datcollate in ('C', 'POSIX'))) order by o.at)
          from unnest(i.indkey::int2[]) with ordinality o(attnum, at)
          left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = o.attnum and o.attnum > 0
          left join pg_collation ic on ic.oid = (i.indcollation::oid[])[o.at - 1]
          where o.at <= i.indnkeyatts)) order by x.relname), '[]')
     from pg_index i join pg_class x on x.oid = i.indexrelid
     left join pg_constraint k on k.conindid = i.indexrelid and k.contype in ('p', 'u')
     where i.indrelid = c.oid and i.indislive),
  'checks', (select coalesce(jsonb_agg(jsonb_build_object('name', k.conname, 'expression', pg_get_expr(k.conbin, k.conrelid), 'validated', k.convalidated)
       order by k.conname), '[]') from pg_constraint k
     where k.conrelid = c.oid and k.contype = 'c' and coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'),
  'foreign_keys', (select coalesce(jsonb_agg(jsonb_build_object(
       'name', k.conname,
       'parent', jsonb_build_array(pn.nspname, pc.relname),
       'validated', k.convalidated,
       'full', k.confmatchtype = 'f',
       'pairs', (select jsonb_agg(jsonb_build_object('child', ca.attname, 'parent', pa.attname,
             'operator', quote_ident(opn.nspname) || '.' || op.oprname) order by o.at)
          from unnest(k.conkey, k.confkey, k.conpfeqop) with ordinality o(child, parent, op, at)
          join pg_attribute ca on ca.attrelid = k.conrelid and ca.attnum = o.child
          join pg_attribute pa on pa.attrelid = k.confrelid and pa.attnum = o.parent
          join pg_operator op on op.oid = o.op join pg_namespace opn on opn.oid = op.oprnamespace)) order by k.conname), '[]')
     from pg_constraint k join pg_class pc on pc.oid = k.confrelid join pg_namespace pn on pn.oid = pc.relnamespace
     where k.conrelid = c.oid and k.contype = 'f' and k.conparentid = 0
       and coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true' and coalesce(to_jsonb(k) ->> 'conperiod', 'false') = 'false')
  ) order by n.nspname, c.relname), '[]')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join (select * from pg_database where datname = current_database()) d
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'migrate_wizard', 'sys')
  and not exists (select 1 from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
