"""The measure of a load in DSQL's small transactions, with a plain PostgreSQL behind it: ours, ours on one connection, and the ceiling;
each with no distance to the server, where processors are what there is to wait for, and at a distance, as a cluster has.
The ceiling (benches/ceiling) sends the same batches and remembers nothing, so what it is faster by is what exactly-once costs."""

import check
import servers
import sources
import ways

INTO = "batched"
CONNECTIONS = 8
# Aurora DSQL's limits for one transaction (user guide, quotas page, as of 2026-11-20)
ROWS, BYTES = 3_000, 10 << 20
# milliseconds each way: a round trip of 20 is that of a neighbouring region, or of a desk in the same country
AWAY = 10


def loads(bench):
    def ceiling(*more):
        return [bench.ceiling, "--rows", ROWS, "--bytes", BYTES, "--connections", CONNECTIONS, *more]

    return {
        "ours": (f"data copy --limits dsql --jobs {CONNECTIONS}", ways.ours(bench.binary, CONNECTIONS, schema=False, limits="dsql")),
        "one": ("data copy --limits dsql --jobs 1", ways.ours(bench.binary, 1, schema=False, limits="dsql")),
        "ceiling": (f"the same batches as INSERT, no ledger, {CONNECTIONS} connections", ceiling()),
        "ceiling-copy": (f"the same batches as COPY, no ledger, {CONNECTIONS} connections", ceiling("--copy")),
    }


def take(bench):
    sources.make_mixed(bench)
    rows = check.rows(bench.source, sources.MIXED)
    result = bench.results["batches"] = {
        "rows": sum(rows.values()), "bytes": sources.size(bench.source, sources.MIXED), "cores": bench.results["about"]["cores"], "away": AWAY,
        "loads": {}, "far": {},
    }
    load_all(bench, rows, bench.target, "", result["loads"])
    if bench.distance:
        with servers.far(bench.target, bench.distance, AWAY) as target:
            load_all(bench, rows, target, f", {2 * AWAY} ms away", result["far"])
    bench.target.drop(INTO)
    bench.source.drop(sources.MIXED)


def load_all(bench, rows, target, where, results):
    every = list(loads(bench).items())
    for number in range(bench.rounds):
        turn = number % len(every)
        for name, (label, command) in every[turn:] + every[:turn]:
            load = results.setdefault(name, {"label": label, "runs": []})
            if command[0] is None:
                load["runs"].append({"failed": "not built: cargo build --release --locked --package ceiling", "problems": []})
                continue
            sources.mixed_tables_only(bench, INTO)
            run, _ = bench.take(label + where, [("load", command)], sources.MIXED, INTO, target)
            run["problems"] = [] if run["failed"] else check.rows_differ(rows, check.rows(bench.target, INTO))
            load["runs"].append(run)
            bench.keep()
