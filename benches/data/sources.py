"""The databases that are moved, made once by pgbench and the SQL files beside this one.
Changes a source only through `changes.sql`, and only when it is asked to."""

import subprocess
from pathlib import Path

import servers

HERE = Path(__file__).parent
MAIN, GROWTH, MIXED = "bench", "growth", "mixed"


def make_main(bench):
    """About 2 GB at full scale: pgbench's tables and gen.sql's."""
    server, scale = bench.source, bench.scale
    bench.say(f"making the source: pgbench -i -s {scale.pgbench}, gen.sql")
    server.fresh(MAIN)
    subprocess.run(
        [server.programs / "pgbench", "-i", "-q", "-s", str(scale.pgbench), "-I", "dtgvpf", server.url(MAIN)],
        check=True, capture_output=True, env=servers.clean_environment(server.programs),
    )
    server.psql(MAIN, file=HERE / "gen.sql", events=scale.events, documents=scale.documents, smalltables=scale.smalltables)


def make_growth(bench, rows):
    name = f"{GROWTH}_{rows}"
    bench.say(f"making a table of {rows:,} rows")
    bench.source.fresh(name)
    bench.source.psql(name, file=HERE / "growth.sql", rows=rows)
    return name


def make_mixed(bench):
    bench.say(f"making {bench.scale.mixed:,} rows of mixed width")
    bench.source.fresh(MIXED)
    bench.source.psql(MIXED, file=HERE / "mixed.sql", rows=bench.scale.mixed, fill=1)


def mixed_tables_only(bench, into):
    """The same tables without a row, primary keys and all: as they stand on Aurora DSQL before a load."""
    bench.target.fresh(into)
    bench.target.psql(into, file=HERE / "mixed.sql", rows=0, fill=0)


def change(bench, number, every, share):
    bench.source.psql(MAIN, file=HERE / "changes.sql", round=number, every=every, share=share)


def size(server, database):
    return int(server.psql(database, "select pg_database_size(current_database());"))
