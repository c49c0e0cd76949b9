"""The measure of running the same command again: with nothing changed, and with 0.1 % of the rows changed in two patterns.
It changes the source, so it comes last."""

import check
import sources
import ways
from bench import works

INTO = "again"
# of the keys past a part of the largest, one in so many is changed in each of four ways: 0.1 % of all rows
PATTERNS = {
    "scattered": ("changed rows scattered over the whole table", 4_000, 0),
    "newest": ("changed rows among the newest 2 %", 80, 0.98),
}


def take(bench):
    result = bench.results["second"] = {"first": None, "unchanged": [], "scattered": [], "newest": [], "verify": ""}
    way = ways.Way("ours", "first copy", lambda source, target, work: [("copy", ways.ours(bench.binary))])
    first, _ = bench.move(way, sources.MAIN, INTO, check.facts(bench.source, sources.MAIN))
    result["first"] = first
    if not works(first):
        # a second pass is only one after a first
        return
    for _ in range(bench.rounds):
        result["unchanged"].append(again(bench, "again, nothing changed"))
        bench.keep()
    number = 0
    for name, (label, every, share) in PATTERNS.items():
        for _ in range(bench.rounds):
            sources.change(bench, number, every, share)
            number += 1
            result[name].append(again(bench, f"again, {label}"))
            bench.keep()
    result["verify"] = bench.verify(sources.MAIN, INTO)
    bench.target.drop(INTO)


def again(bench, label):
    run, _ = bench.take(label, [("copy", ways.ours(bench.binary))], sources.MAIN, INTO)
    rows = check.rows(bench.source, sources.MAIN)
    run["problems"] = [] if run["failed"] else check.rows_differ(rows, check.rows(bench.target, INTO))
    return run
