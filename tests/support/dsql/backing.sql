-- What the stand-in puts into the database behind it: DSQL's own objects that a program may look at (sys.jobs, sys.wait_for_job),
-- and procedures that count and check. Limits are settings of the session: without them nothing is counted or refused, so a
-- fixture written past the stand-in is free. The triggers are marked internal, as those of foreign keys are: nobody lists them.
create schema if not exists sys;

create table if not exists sys.jobs (
  job_id text primary key, status text not null, details text, job_type text, class_id oid, object_id oid, object_name text,
  start_time timestamptz, update_time timestamptz);
create table if not exists sys.standin_work (job_id text primary key, statement text not null, search_path text not null);

create or replace procedure sys.wait_for_job(job_id text, inout succeeded boolean default null) language plpgsql as $$
begin
  select j.status = 'completed' into succeeded from sys.jobs j where j.job_id = wait_for_job.job_id;
end $$;

create or replace function sys.standin_limit(name text) returns bigint language sql stable as
  $$ select nullif(current_setting('standin.' || name, true), '')::bigint $$;

create or replace function sys.standin_add(name text, amount bigint) returns bigint language sql volatile as
  $$ select set_config('standin.' || name, (coalesce(nullif(current_setting('standin.' || name, true), ''), '0')::bigint + amount)::text, true)::bigint $$;

-- After each statement that changed rows, those of cascades too: how many, how large.
create or replace function sys.standin_count() returns trigger language plpgsql as $$
declare
  number bigint; bytes bigint := 0; widest bigint := 0; sizes bigint[]; keys bigint[]; wide text;
  columns text; key_columns text;
  indexes bigint := (select count(*) from pg_index where indrelid = tg_relid and not indisprimary);
begin
  if sys.standin_limit('max_rows') is null then
    return null;
  end if;
  if tg_op = 'DELETE' then
    select count(*) into number from changed;
  else
    select string_agg(format('max(pg_column_size("~".%I)) - 4', attname), ', ' order by attnum) into columns
      from pg_attribute where attrelid = tg_relid and attnum > 0 and not attisdropped and attlen = -1;
    -- Of each index the columns by name; a secondary one holds the primary key's too.
    select string_agg(size, ', ') into key_columns from (
      select format('max(%s)', string_agg(format('coalesce(pg_column_size("~".%I), 0)', a.attname), ' + ')) size
      from pg_index i join pg_attribute a on a.attrelid = tg_relid and a.attnum > 0
        and (a.attnum = any (i.indkey) or a.attnum = any (select unnest(p.indkey) from pg_index p where p.indrelid = tg_relid and p.indisprimary))
      where i.indrelid = tg_relid group by i.indexrelid) each;
    execute format(
      'select count(*), coalesce(sum(pg_column_size("~")), 0), max(pg_column_size("~")), array[%s]::bigint[], array[%s]::bigint[] from changed "~"',
      columns, key_columns) into number, bytes, widest, sizes, keys;
    select t.typname into wide
      from (select atttypid, row_number() over (order by attnum) place from pg_attribute
            where attrelid = tg_relid and attnum > 0 and not attisdropped and attlen = -1) a join pg_type t on t.oid = a.atttypid
      where sizes[a.place] > sys.standin_limit('value_bytes') limit 1;
    if wide is not null then
      raise exception 'datatype limit greater than % bytes not supported for %', sys.standin_limit('value_bytes'), wide using errcode = '54000';
    end if;
    if widest - 24 > sys.standin_limit('row_bytes') then
      raise exception 'maximum row size exceeded' using errcode = '54000';
    end if;
    if (select max(size) from unnest(keys) size) > sys.standin_limit('key_bytes') then
      raise exception 'key size too large' using errcode = '54000';
    end if;
  end if;
  perform sys.standin_add('bytes',
    bytes + number * (sys.standin_limit('row_overhead') + indexes * sys.standin_limit('index_overhead')));
  if sys.standin_add('rows', number) > sys.standin_limit('max_rows') then
    raise exception 'transaction row limit exceeded' using errcode = '54000';
  end if;
  return null;
end $$;

-- Gives every table of the user its triggers.
create or replace function sys.standin_watch() returns void language plpgsql as $$
declare
  place regclass;
begin
  for place in
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname not in ('pg_catalog', 'information_schema', 'sys')
      and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'standin_insert')
  loop
    execute format('create trigger standin_insert after insert on %s referencing new table as changed for each statement execute function sys.standin_count()', place);
    execute format('create trigger standin_update after update on %s referencing new table as changed for each statement execute function sys.standin_count()', place);
    execute format('create trigger standin_delete after delete on %s referencing old table as changed for each statement execute function sys.standin_count()', place);
  end loop;
  update pg_trigger set tgisinternal = true where tgname in ('standin_insert', 'standin_update', 'standin_delete') and not tgisinternal;
end $$;

-- A type below its domains.
create or replace function sys.standin_base(type oid) returns oid language sql stable as $$
  with recursive below as (
    select oid, typbasetype from pg_type where oid = type
    union all select t.oid, t.typbasetype from pg_type t join below on t.oid = below.typbasetype)
  select oid from below where typbasetype = 0 $$;

create or replace function sys.standin_key_type(type oid) returns void language plpgsql as $$
begin
  if sys.standin_base(type)::regtype in ('timetz', 'interval', 'bytea', 'json', 'jsonb') then
    raise exception 'datatype % is not supported in a key', format_type(sys.standin_base(type), null) using errcode = '0A000';
  end if;
end $$;

-- After a definition: what this transaction made, as the catalogue has it.
create or replace function sys.standin_check() returns void language plpgsql as $$
declare
  made xid := (txid_current() % (2::bigint ^ 32)::bigint)::text::xid;
  found record;
begin
  for found in
    select a.atttypid, a.attidentity, a.atttypmod, sys.standin_base(a.atttypid)::regtype base
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where a.xmin = made and a.attnum > 0 and not a.attisdropped and c.relkind = 'r'
  loop
    if found.base not in ('int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'bpchar', 'varchar', 'text', 'date', 'time', 'timetz',
        'timestamp', 'timestamptz', 'interval', 'bool', 'uuid', 'bytea', 'json', 'jsonb') then
      raise exception 'datatype % not supported', format_type(found.base, null) using errcode = '0A000';
    end if;
    if found.attidentity <> '' and found.base <> 'int8'::regtype then
      raise exception 'identity columns are only supported on bigint columns' using errcode = '0A000';
    end if;
    if found.base = 'varchar'::regtype and found.atttypmod - 4 > 65535 or found.base = 'bpchar'::regtype and found.atttypmod - 4 > 4096 then
      raise exception 'length for type % cannot exceed % bytes', format_type(found.base, null),
        case when found.base = 'varchar'::regtype then 65535 else 4096 end using errcode = '54000';
    end if;
  end loop;
  if exists (select from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and c.oid in (select attrelid from pg_attribute where xmin = made)
      group by a.attrelid having count(*) > 255) then
    raise exception 'tables can have at most 255 columns' using errcode = '54011';
  end if;
  for found in select i.indexrelid, i.indrelid, i.indnkeyatts from pg_index i join pg_class c on c.oid = i.indrelid
      join pg_namespace n on n.oid = c.relnamespace where i.xmin = made and n.nspname <> 'pg_toast' loop
    if found.indnkeyatts > 8 then
      raise exception 'more than 8 column keys in an index are not supported' using errcode = '54011';
    end if;
    if (select count(*) from pg_index where indrelid = found.indrelid) > 24 then
      raise exception 'more than 24 indexes per table are not allowed' using errcode = '54000';
    end if;
    perform sys.standin_key_type(atttypid) from pg_attribute where attrelid = found.indexrelid and attnum <= found.indnkeyatts;
    if (select sum(greatest(case when atttypid in ('varchar'::regtype, 'bpchar'::regtype) then atttypmod - 4 else attlen end, 0))
        from pg_attribute where attrelid = found.indexrelid and attnum <= found.indnkeyatts) > 2000 then
      raise exception 'key size too large' using errcode = '54000';
    end if;
  end loop;
  if exists (select from pg_sequence where xmin = made and seqtypid <> 'int8'::regtype) then
    raise exception 'sequences are only supported as bigint' using errcode = '0A000';
  end if;
  if (select count(*) from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public', 'sys')) > 10 then
    raise exception 'more than 10 schemas are not allowed' using errcode = '54000';
  end if;
  if (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'sys')) > 1000 then
    raise exception 'more than 1000 tables are not allowed' using errcode = '54000';
  end if;
  perform sys.standin_watch();
end $$;

-- Takes an asynchronous statement: what can be seen at once is refused at once, the rest is the job's.
create or replace function sys.standin_submit(job text, kind text, place text, object text, columns text[], replaces boolean, statement text)
returns text language plpgsql as $$
declare
  target regclass := place::regclass; space text; type oid; name text;
begin
  select n.nspname into space from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = target;
  foreach name in array columns loop
    select atttypid into type from pg_attribute where attrelid = target and attname = name and not attisdropped;
    if type is null then
      raise exception 'column "%" does not exist', name using errcode = '42703';
    end if;
    perform sys.standin_key_type(type);
  end loop;
  if kind = 'INDEX_BUILD' then
    if not replaces and exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = space and c.relname = object) then
      raise exception 'relation "%" already exists', object using errcode = '42P07';
    end if;
    if (select count(*) from pg_index where indrelid = target) >= 24 then
      raise exception 'more than 24 indexes per table are not allowed' using errcode = '54000';
    end if;
  elsif not exists (select from pg_constraint where conrelid = target and conname = object) then
    raise exception 'constraint "%" of relation "%" does not exist', object, target using errcode = '42704';
  end if;
  insert into sys.jobs values (job, 'submitted', null, kind, null, target, space || '.' || object, now(), now());
  insert into sys.standin_work values (job, statement, current_setting('search_path'));
  return job;
end $$;

select sys.standin_watch();
