"""The page: results as Markdown, promises first, then every figure they were made from.
Pure: it measures and judges nothing, and leaves out no way that failed."""

from statistics import median

import judge

MEANING = """\
Wall time is that of the commands, from the first start to the last end; making the empty target and a checkpoint on both sides come before the clock, the check of the target after it.
Client CPU is user and system time of the client's processes, without the servers. Memory is the highest sum of PSS over the client's process tree, looked at every 50 ms; for our one process
VmHWM besides, the kernel's own mark, which counts the pages of the program too. A figure is the median of the rounds, with the lowest and highest in brackets. Rounds are interleaved, and each begins with another way.
After every run the target is compared with the source: rows of each table, indexes and constraints with their definitions, sequences, statistics. A way that loses one of them is out of the comparison, and is named."""


def page(results):
    parts = [head(results), promised(results)]
    for name, section in (("move", move), ("memory", memory), ("batches", batches), ("growth", growth), ("second", second)):
        if name in results:
            text = f"Failed: {results[name]['failed']}" if "failed" in results[name] else section(results[name])
            parts.append(f"## {TITLES[name]}\n\n{text}")
    return "\n\n".join(parts) + "\n"


TITLES = {
    "move": "Full move",
    "memory": "Memory by number of jobs",
    "batches": "DSQL's batches",
    "growth": "Growth",
    "second": "Second pass",
}


def table(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def head(results):
    about = results["about"]
    versions = ", ".join(f"{name} `{version}`" for name, version in about["versions"].items() if name not in ("PostgreSQL", "commit"))
    settings = ", ".join(f"`{name}={value}`" for name, value in about["settings"].items())
    rounds = f"{about['rounds']} round" + ("s" if about["rounds"] > 1 else "")
    warning = "" if about["scale"] == "full" else f"\n\n**Scale `{about['scale']}`: it shows that the measures run; the figures say nothing.**"
    minutes = f", which took {about['took'] / 60:.0f} minutes" if "took" in about else ""
    return f"""\
# Performance

Made by `{about["command"]}` on {about["date"]}{minutes}; do not edit it by hand, run that again.{warning}

- Machine: {about["cores"]} cores ({about["processor"]}), {about["memory_gib"]:.0f} GiB of memory, Linux {about["system"]}; load before the first measure {about["load_before"]:.1f}. Clients and both servers share it.
- PostgreSQL {about["versions"]["PostgreSQL"]}, two servers on loopback, the same settings for both and for every way: {settings}.
- {versions}; commit `{about["versions"]["commit"]}`; {rounds}.

{MEANING}"""


def promised(results):
    return "## What is promised\n\n" + table(["measure", "goal", "measured", "kept"], judge.promises(results))


def spread(runs, figure="wall", digits=1):
    """Median (lowest–highest) of the runs that came to their end."""
    values = [run[figure] for run in runs if not run["failed"]]
    if not values:
        return "–"
    one = lambda value: f"{value:.{digits}f}"
    return one(median(values)) + (f" ({one(min(values))}–{one(max(values))})" if len(values) > 1 else "")


def remark(runs, added=""):
    """Failed, out of the comparison, or what is to be known of it."""
    broken = [run for run in runs if judge.disqualified([run])]
    said = []
    if broken:
        word = "failed" if broken[0]["failed"] else "disqualified"
        said.append(f"**{word}** in {len(broken)} of {len(runs)}: {judge.disqualified(broken)}")
    said += [f"added: `{added}`"] if added else []
    left_out = next((run["left_out"] for run in runs if run.get("left_out")), [])
    said += [f"leaves out {', '.join(left_out)}"] if left_out else []
    return "; ".join(said)


def steps(runs):
    """The median time of each step, where there is more than one."""
    done = [run["steps"] for run in runs if not run["failed"]]
    if not done or len(done[0]) < 2:
        return ""
    return ", ".join(f"{name} {median(each[name] for each in done):.1f} s" for name in done[0])


def move(result):
    rows = []
    for name, way in result["ways"].items():
        runs = way["runs"]
        memory = spread(runs, "memory", 0) + (f"; VmHWM {spread(runs, 'high_water', 0)}" if name == "ours" else "")
        remarks = "; ".join(text for text in (steps(runs), remark(runs, way["added"])) if text)
        rows.append([f"`{way['label']}`", spread(runs), spread(runs, "cpu"), memory, remarks])
    text = f"`benches/data/gen.sql` and pgbench's tables: {result['bytes'] / 2**20:,.0f} MiB on disk with indexes, {result['rows']:,} rows.\n\n"
    text += table(["way", "wall s", "client CPU s", "client memory MiB", "remarks"], rows)
    text += "\n\npgcopydb's `--split-tables-larger-than` is not measured: in 0.10 it leaves a table empty and exits 0."
    if result["verify"]:
        text += f"\n\n**`migrate-wizard data verify` after ours: {result['verify']}**"
    elif result["eta"]:
        text += " `migrate-wizard data verify` found every row equal after each of ours."
    if result["eta"]:
        text += "\n\nRemaining time told by ours at its first progress after a fifth of the run:\n\n" + told(result["eta"])
    return text


def told(etas):
    rows = []
    for number, eta in enumerate(etas, 1):
        if "failed" in eta:
            rows.append([number, eta["failed"], "", "", ""])
        else:
            rows.append([number, f"{eta['at']:.1f} of {eta['wall']:.1f} s", f"{eta['said']:.0f} s", f"{eta['truth']:.1f} s", f"{eta['error']:.0%}"])
    return table(["round", "at", "said", "true", "off by"], rows)


def memory(result):
    rows = [
        [jobs, spread([run], "high_water"), spread([run], "memory"), spread([run]), spread([run], "cpu"), remark([run])]
        for jobs, run in result["jobs"].items()
    ]
    return "The same full move.\n\n" + table(["jobs", "VmHWM MiB", "PSS MiB", "wall s", "client CPU s", "remarks"], rows)


def batches(result):
    text = f"{result['rows']:,} rows of mixed width ({result['bytes'] / 2**20:,.0f} MiB on disk) into empty tables with their primary keys. "
    text += "A transaction holds at most 3,000 rows and 10 MiB; the target is a plain PostgreSQL. "
    text += "Busy is the processor time of the whole machine, servers and all, as a share of all its cores.\n\nWith no distance:\n\n"
    text += loads(result, result["loads"])
    text += f"\n\nThe same through a proxy that hands every byte on after {result['away']} ms each way (`benches/ceiling/src/bin/distance.rs`):\n\n"
    text += loads(result, result["far"])
    return text


def loads(result, all_loads):
    rows = []
    for load in all_loads.values():
        done = [run for run in load["runs"] if not run["failed"]]
        rate = f"{result['rows'] / median(run['wall'] for run in done):,.0f}" if done else "–"
        busy = f"{median(run['busy'] / run['wall'] / result['cores'] for run in done):.0%}" if done else "–"
        memory = spread(load["runs"], "memory", 0)
        rows.append([load["label"], spread(load["runs"]), rate, busy, spread(load["runs"], "cpu"), memory, remark(load["runs"])])
    return table(["load", "wall s", "rows/s", "busy", "client CPU s", "client memory MiB", "remarks"], rows)


def growth(result):
    rows = []
    for count, runs in result["rows"].items():
        times = [run["wall"] for run in runs if not run["failed"]]
        rows.append([f"{int(count):,}", spread(runs), f"{median(times) / int(count) * 1e6:.2f}" if times else "–", spread(runs, "high_water", 0), remark(runs)])
    text = "Schema, rows, primary key and statistics of one table of four columns, about 90 bytes a row. What a move costs however few the rows "
    text += "(connections, `pg_dump` of the schema, ledger, statistics) weighs on the smallest: time per row falls with size, and what tells "
    text += "whether it grows is the time for each row more.\n\n"
    return text + table(["rows", "wall s", "µs per row", "VmHWM MiB", "remarks"], rows)


def second(result):
    first = [result["first"]] if result["first"] else []
    rows = [["first copy", spread(first), spread(first, "cpu"), remark(first)]]
    names = {
        "unchanged": "nothing changed",
        "scattered": "0.1 % of the rows changed, scattered over the whole table",
        "newest": "0.1 % of the rows changed, among the newest 2 %",
    }
    for name, label in names.items():
        if result[name]:
            rows.append([label, spread(result[name]), spread(result[name], "cpu"), remark(result[name])])
    text = "The same command again. A quarter each of the changes are updates, inserts, deletes and new keys, in the three big tables (`benches/data/changes.sql`).\n\n"
    text += table(["pass", "wall s", "client CPU s", "remarks"], rows)
    if result["verify"]:
        text += f"\n\n**`migrate-wizard data verify` after the last pass: {result['verify']}**"
    elif result["newest"]:
        text += "\n\n`migrate-wizard data verify` found every row equal after the last pass."
    return text
