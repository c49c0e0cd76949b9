"""Whether a target has what the source has: rows of every table, indexes, constraints, sequences and statistics, and what is left out besides.
Only reads, after the clock has stopped."""

# ours and the system's own schemas are nobody's data
MINE = "n.nspname !~ '^(pg_|information_schema$|migrate_wizard|pgcopydb$)'"

MARK = "## "

COUNTS = f"""
select format('select %L, count(*) from %I.%I;', n.nspname || '.' || c.relname, n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'm') and c.relispopulated and {MINE} \\gexec
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
# no ANALYZE since it was filled; what kind of relation decides whether that is a fault
NO_STATISTICS = f"""
select c.relkind, n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and {MINE} and pg_relation_size(c.oid) > 0
and (c.reltuples < 0 or not exists (select from pg_statistic s where s.starelid = c.oid)) order by 2;"""

# what a mover may leave out and still be compared, but must not leave out silently
MAY = {
    "triggers": f"""
select count(*) from pg_trigger g join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace
where not g.tgisinternal and {MINE};""",
    "views": f"select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'v' and {MINE};",
    "functions": f"""
select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where {MINE} and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e');""",
    "extensions": "select count(*) from pg_extension;",
    "comments": f"""
select count(*) from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
join pg_namespace n on n.oid = c.relnamespace where {MINE};""",
    "large objects": "select count(*) from pg_largeobject_metadata;",
}


def rows(server, database):
    """Rows by table; a partitioned table by its partitions."""
    return {name: int(count) for name, count in (line.split("\t") for line in server.psql(database, COUNTS).splitlines())}


def facts(server, database):
    """All that two databases are compared by, in one visit."""
    asked = {**MUST, **MAY, "sequences": SEQUENCES, "no statistics": NO_STATISTICS, "rows": COUNTS}
    # with an empty search path every name in a definition is written with its schema
    script = "set search_path = '';\n" + "".join(f"\\echo {MARK}{kind}\n{text}\n" for kind, text in asked.items())
    found = {kind: [] for kind in asked}
    for line in server.psql(database, script).splitlines():
        if line.startswith(MARK):
            kind = line.removeprefix(MARK)
        else:
            found[kind].append(line.split("\t"))
    numbers = lambda pairs: {name: int(value) for name, value in pairs}
    return {
        "rows": numbers(found["rows"]),
        "sequences": numbers(found["sequences"]),
        "no statistics": {name: kind for kind, name in found["no statistics"]},
        **{kind: sorted(row[0] for row in found[kind]) for kind in MUST},
        **{kind: int(found[kind][0][0]) for kind in MAY},
    }


def rows_differ(source, target):
    """The tables whose rows are not the source's, in words."""
    wrong = [f"{name}: {target.get(name, 'none')} of {count} rows" for name, count in source.items() if target.get(name) != count]
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
    bare = {kind: [name for name, relkind in target["no statistics"].items() if relkind == kind] for kind in "rm"}
    if bare["r"]:
        problems.append(f"no statistics of tables: {named(bare['r'])}")
    left_out = [f"statistics of the materialized view {name}" for name in bare["m"]]
    left_out += [f"{source[kind] - target[kind]} of {source[kind]} {kind}" for kind in MAY if target[kind] < source[kind]]
    return problems, left_out


def named(items):
    """The first of them, and how many more."""
    return items[0] + (f" and {len(items) - 1} more" if len(items) > 1 else "")
