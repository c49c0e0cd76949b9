"""Measures of the full move: all ways in interleaved rounds, and our memory with each number of jobs.
Leaves the source as it was."""

import check
import eta
import sources
import ways

INTO = "moved"


def take(bench):
    """Every round runs every way once, each round beginning with another, so that a slow minute of the machine hits all alike."""
    every = ways.moves(bench.binary, bench.source.programs)
    facts = check.facts(bench.source, sources.MAIN)
    result = bench.results["move"] = {
        "bytes": sources.size(bench.source, sources.MAIN),
        "rows": sum(facts["rows"].values()),
        "ways": {way.name: {"label": way.label, "added": way.added, "runs": []} for way in every},
        "eta": [],
        "verify": "",
    }
    # The first move makes the target's server write-ahead files that later ones use again: nobody's measure.
    bench.say("one move that is not measured")
    bench.move(every[-1], sources.MAIN, INTO, facts)
    for number in range(bench.rounds):
        turn = number % len(every)
        for way in every[turn:] + every[:turn]:
            run, lines = bench.move(way, sources.MAIN, INTO, facts)
            result["ways"][way.name]["runs"].append(run)
            if way.name == "ours" and not run["failed"]:
                result["eta"].append(eta.judged(lines, run["wall"]))
                result["verify"] = result["verify"] or bench.verify(sources.MAIN, INTO)
            bench.keep()
    bench.target.drop(INTO)


def take_memory(bench):
    """Ours alone, once for each number of jobs."""
    facts = check.facts(bench.source, sources.MAIN)
    result = bench.results["memory"] = {"jobs": {}}
    for jobs in (1, 2, 4, 8):
        way = ways.Way("ours", f"ours, --jobs {jobs}", lambda source, target, work: [("copy", ways.ours(bench.binary, jobs))])
        result["jobs"][str(jobs)], _ = bench.move(way, sources.MAIN, INTO, facts)
        bench.keep()
    bench.target.drop(INTO)
