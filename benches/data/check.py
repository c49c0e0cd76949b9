"""Whether a target has what the source has: rows of every table, indexes, constraints, sequences and statistics, and what is left out besides.
Only reads, after the clock has stopped."""

# ours and the system's own schemas are nobody's data
MINE = "n.nspname !~ '^(pg_|information_schema$|migrate_wizard|pgcopydb$)'"
NOT_OF_EXTENSION = "not exists (select from pg_depend d where d.objid = {oid} and d.deptype = 'e')"

COUNTS = f"""
select format('select %L, count(*) from %I.%I;', n.nspname || '.' || c.relname, n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'm') and {MINE} \\gexec
"""

# what must be there: one line each, with its definition, so that a difference can be named
MUST = {
    "indexes": f"""
select pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' (invalid)' end
from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace where {MINE};""",
    "constraints": f"""
select n.nspname || '.' || coalesce(c.relname, t.typname) || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
       || case when k.convalidated then '' else ' (not valid)' end
from pg_constraint k join pg_namespace n on n.oid = k.connamespace
left join pg_class c on c.oid = k.conrelid left join pg_type t on t.oid = k.contypid where {MINE};""",
}
SEQUENCES = f"select schemaname || '.' || sequencename, coalesce(last_value, 0) from pg_sequences where {MINE.replace('n.nspname', 'schemaname')};"
NO_STATISTICS = f"""
select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and {MINE} and pg_relation_size(c.oid) > 0
and (c.reltuples < 0 or not exists (select from pg_statistic s where s.starelid = c.oid));"""

# what a mover may leave out and still be compared, but must not leave out silently
MAY = {
    "triggers": f"select count(*) from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace where not g.tgisinternal and {MINE};",
    "views": f"select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'v' and {MINE};",
    "functions": f"select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {MINE} and {NOT_OF_EXTENSION.format(oid='p.oid')};",
    "extensions": "select count(*) from pg_extension;",
    "comments": f"select count(*) from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass join pg_namespace n on n.oid = c.relnamespace where {MINE};",
    "large objects": "select count(*) from pg_largeobject_metadata;",
}


def rows(server, database):
    """Rows by table; a partitioned table by its partitions."""
    return {name: int(count) for name, count in server.rows(database, COUNTS)}


def facts(server, database):
    """All that two databases are compared by."""
    # with an empty search path every name in a definition is written with its schema
    ask = lambda text: server.rows(database, f"set search_path = '';\n{text}")
    return {
        "rows": rows(server, database),
        **{kind: sorted(row[0] for row in ask(text)) for kind, text in MUST.items()},
        "sequences": {name: int(value) for name, value in ask(SEQUENCES)},
        "no statistics": sorted(row[0] for row in ask(NO_STATISTICS)),
        **{kind: int(ask(text)[0][0]) for kind, text in MAY.items()},
    }


def rows_differ(source, target):
    """The tables whose rows are not the source's, in words."""
    wrong = [f"{name}: {target.get(name, 'no table')} of {count} rows" for name, count in source.items() if target.get(name) != count]
    return [f"rows differ in {named(wrong)}"] if wrong else []


def compare(source, target):
    """What is wrong, and what is only left out: two lists of words."""
    problems = rows_differ(source["rows"], target["rows"])
    for kind in MUST:
        missing = sorted(set(source[kind]) - set(target[kind]))
        if missing:
            problems.append(f"{len(missing)} of {len(source[kind])} {kind} missing or different: {named(missing)}")
    behind = [name for name, value in source["sequences"].items() if target["sequences"].get(name, -1) < value]
    if behind:
        problems.append(f"sequences missing or behind: {named(behind)}")
    if target["no statistics"]:
        problems.append(f"no statistics: {named(target['no statistics'])}")
    left_out = [f"{source[kind] - target[kind]} of {source[kind]} {kind}" for kind in MAY if target[kind] < source[kind]]
    return problems, left_out


def named(items):
    """The first of them, and how many more."""
    return items[0] + (f" and {len(items) - 1} more" if len(items) > 1 else "")
