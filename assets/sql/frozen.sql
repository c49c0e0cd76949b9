-- Whether new sessions of this database begin read-only by the database's own setting. Read-only.
select exists (
  select 1 from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
  where d.datname = current_database() and s.setrole = 0 and 'default_transaction_read_only=on' = any (s.setconfig))
