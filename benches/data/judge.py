"""Results held against what is promised: for each promise its goal, what was measured, and whether it is kept.
Measures nothing, writes nothing: the same results always give the same rows."""

from statistics import median

from batches import AWAY
from bench import works

NOT_RUN = "not run"


def row(measure, goal, results, name, judged):
    """One line of the ratio table; `judged` gives (what was measured, whether that is good enough), or raises KeyError with a reason."""
    if name not in results:
        return (measure, goal, NOT_RUN, "")
    if "failed" in results[name]:
        return (measure, goal, f"failed: {results[name]['failed']}", "no")
    try:
        measured, kept = judged(results[name])
    except KeyError as why:
        return (measure, goal, f"failed: {why.args[0]}", "no")
    return (measure, goal, measured, "yes" if kept else "no")


def disqualified(runs):
    """Why runs may not be compared; empty when they may."""
    for run in runs:
        if not works(run):
            return run["failed"] or "; ".join(run["problems"])
    return "" if runs else "never ran"


def middle(runs, figure="wall"):
    """The median of runs that all worked."""
    why = disqualified(runs)
    if why:
        raise KeyError(why)
    return median(run[figure] for run in runs)


def fastest_pgcopydb(move):
    """The name of pgcopydb's fastest mode that moved everything in every round."""
    modes = {name: way["runs"] for name, way in move["ways"].items() if name.startswith("pgcopydb")}
    working = {name: middle(runs) for name, runs in modes.items() if not disqualified(runs)}
    if not working:
        raise KeyError("no mode of pgcopydb worked: " + "; ".join(sorted({disqualified(runs) for runs in modes.values()})))
    return min(working, key=working.get)


def ratio(mine, other, limit, figure="wall"):
    one, two = middle(mine, figure), middle(other, figure)
    unit = "s" if figure in ("wall", "cpu") else "MiB"
    return f"{one / two:.2f} × ({one:.1f} / {two:.1f} {unit})", one / two <= limit


def promises(results):
    def to_pgcopydb(figure, limit):
        return lambda move: ratio(move["ways"]["ours"]["runs"], move["ways"][fastest_pgcopydb(move)]["runs"], limit, figure)

    def to_dump(move):
        return ratio(move["ways"]["ours"]["runs"], move["ways"]["pg_dump"]["runs"], 0.50)

    def faster_than(name, least, loads="loads"):
        def judged(batches):
            if name not in batches[loads]:
                raise KeyError("not run")
            ours, other = (middle(batches[loads][load]["runs"]) for load in ("ours", name))
            rate = batches["rows"] / ours
            said = f"{other / ours:.2f} × ({rate:,.0f} / {batches['rows'] / other:,.0f} rows/s)"
            busy = middle(batches[loads][name]["runs"], "busy") / other / batches["cores"]
            if name == "one" and busy * least > 1:
                said += f"; one connection keeps all cores {busy:.0%} busy, so {1 / busy:.2f} × is the most here"
            return said, other / ours >= least

        return judged

    def again(pattern, limit):
        def judged(second):
            part = middle(second[pattern]) / first_copy(results)
            return f"{part:.1%} ({middle(second[pattern]):.1f} of {first_copy(results):.1f} s)", part < limit

        return judged

    return [
        row("full move, Postgres to Postgres", "≤ 0.80 × pgcopydb, its fastest working mode", results, "move", to_pgcopydb("wall", 0.80)),
        row("", "≤ 0.50 × `pg_dump -Fd -j2`, `pg_restore -j2`", results, "move", to_dump),
        row("client CPU of the full move", "≤ 1.0 × pgcopydb", results, "move", to_pgcopydb("cpu", 1.0)),
        row("peak memory of the client, up to 8 jobs", "≤ 64 MiB", results, "memory", lambda memory: most_memory(results)),
        row("load in DSQL's batches", "≥ 0.8 × the same batches with no ledger", results, "batches", faster_than("ceiling", 0.8)),
        row("", "≥ 2 × one connection", results, "batches", faster_than("one", 2.0)),
        row(f"the same, {2 * AWAY} ms away", "≥ 0.8 × the same batches with no ledger", results, "batches", faster_than("ceiling", 0.8, "far")),
        row("", "≥ 2 × one connection", results, "batches", faster_than("one", 2.0, "far")),
        row("growth", "time per row ± 15 % over ten times the rows", results, "growth", flat),
        row("", "time per further row ± 15 %, what every move costs apart", results, "growth", flat_further),
        row("second pass, 0.1 % of the rows changed, scattered", "< 15 % of the first copy", results, "second", again("scattered", 0.15)),
        row("second pass, 0.1 % changed among the newest 2 %", "< 15 % of the first copy", results, "second", again("newest", 0.15)),
        row("second pass, nothing changed", "< 10 % of the first copy", results, "second", again("unchanged", 0.10)),
        row("remaining time told after the first fifth", "within 25 % of the truth", results, "move", honest),
    ]


def first_copy(results):
    """The median of all first copies of the same command in this run."""
    runs = results.get("move", {}).get("ways", {}).get("ours", {}).get("runs", [])
    first = results["second"]["first"]
    return middle([*runs, first] if first else [])


def our_runs(results):
    """Every run of ours, with a word for what it was."""
    for run in results.get("move", {}).get("ways", {}).get("ours", {}).get("runs", []):
        yield "full move", run
    for jobs, run in results.get("memory", {}).get("jobs", {}).items():
        yield f"full move, {jobs} jobs", run
    for rows, runs in results.get("growth", {}).get("rows", {}).items():
        yield from ((f"{int(rows):,} rows", run) for run in runs)
    for name in ("ours", "one"):
        for loads in ("loads", "far"):
            for run in results.get("batches", {}).get(loads, {}).get(name, {}).get("runs", []):
                yield "DSQL's batches", run
    for name in ("unchanged", "scattered", "newest"):
        yield from (("second pass", run) for run in results.get("second", {}).get(name, []))


def most_memory(results):
    """Of all that ours did in this run, whatever it was. VmHWM: pages of the program itself count too."""
    for _, run in our_runs(results):
        if "memory" in results and run in results["memory"]["jobs"].values() and not works(run):
            raise KeyError(disqualified([run]))
    mark, what = max((run.get("high_water", 0.0), what) for what, run in our_runs(results))
    return f"{mark:.1f} MiB ({what})", mark <= 64


def flat(growth):
    each = {int(rows): middle(runs) / int(rows) * 1e6 for rows, runs in growth["rows"].items()}
    smallest, *others = sorted(each)
    worst = max((each[rows] / each[smallest] - 1 for rows in others), key=abs)
    return f"{worst:+.0%} ({', '.join(f'{each[rows]:.2f}' for rows in sorted(each))} µs)", abs(worst) <= 0.15


def further(growth):
    """Microseconds for each row more, from each size to the next."""
    wall = {int(rows): middle(runs) for rows, runs in growth["rows"].items()}
    sizes = sorted(wall)
    return [(wall[more] - wall[less]) / (more - less) * 1e6 for less, more in zip(sizes, sizes[1:])]


def flat_further(growth):
    first, *others = further(growth)
    if not others:
        raise KeyError("fewer than three sizes")
    worst = max((each / first - 1 for each in others), key=abs)
    return f"{worst:+.0%} ({', '.join(f'{each:.2f}' for each in (first, *others))} µs)", abs(worst) <= 0.15


def honest(move):
    """The worst of the rounds."""
    why = [eta["failed"] for eta in move["eta"] if "failed" in eta]
    if why or not move["eta"]:
        raise KeyError(why[0] if why else disqualified(move["ways"]["ours"]["runs"]))
    worst = max(move["eta"], key=lambda eta: eta["error"])
    return f"off by {worst['error']:.0%} at worst (said {worst['said']:.0f} s, true {worst['truth']:.1f} s)", worst["error"] <= 0.25
