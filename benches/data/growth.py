"""The measure of growth: one table, ten times as many rows, time for each row.
Runs ours alone; no peer is held to it."""

import check
import sources
import ways

INTO = "grown"


def take(bench):
    result = bench.results["growth"] = {"rows": {}}
    way = ways.Way("ours", "ours, one growing table", lambda source, target, work: [("copy", ways.ours(bench.binary))])
    names = {rows: sources.make_growth(bench, rows) for rows in bench.scale.growth}
    facts = {rows: check.facts(bench.source, name) for rows, name in names.items()}
    for _ in range(bench.rounds):
        for rows, name in names.items():
            run, _ = bench.move(way, name, INTO, facts[rows])
            result["rows"].setdefault(str(rows), []).append(run)
            bench.keep()
    bench.target.drop(INTO)
    for name in names.values():
        bench.source.drop(name)
