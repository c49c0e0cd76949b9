"""`make bench-data`: our mover and its peers beside each other in one run, from the first server started to the page written.
The order of the measures is kept here; what each does and what is made of it is not."""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import batches
import bench
import full_move
import growth
import report
import second_pass
import servers
import sources

ROOT = Path(__file__).resolve().parents[2]
# the one that changes the source comes last
MEASURES = {
    "move": full_move.take,
    "memory": full_move.take_memory,
    "growth": growth.take,
    "batches": batches.take,
    "second": second_pass.take,
}
NEED_MAIN = ("move", "memory", "second")


def arguments():
    parse = argparse.ArgumentParser(description="Runs our mover and its peers beside each other, and publishes ratios.")
    parse.add_argument("--scale", choices=bench.SCALES, default="full")
    parse.add_argument("--rounds", type=int, help="how often each way is run (default: the scale's, 3 at full)")
    parse.add_argument("--only", default="", help=f"some of the measures, parted by commas: {', '.join(MEASURES)}")
    parse.add_argument("--binary", type=Path, default=ROOT / "target/release/migrate-wizard")
    # /tmp may be memory, and a disk is what people have
    parse.add_argument("--folder", default=os.environ.get("TMPDIR", "/var/tmp"), help="where the servers keep their files")
    parse.add_argument("--results", type=Path, default=ROOT / "target/bench-data/results.json")
    parse.add_argument("--write", type=Path, help="write the page here")
    parse.add_argument("--again", action="store_true", help="measure nothing: make the page from the results that are there")
    args = parse.parse_args()
    args.only = args.only.replace(",", " ").split() or list(MEASURES)
    unknown = sorted(set(args.only) - set(MEASURES))
    if unknown:
        parse.error(f"no measure {', '.join(unknown)}; there are {', '.join(MEASURES)}")
    return args


def main():
    args = arguments()
    if args.again:
        return publish(json.loads(args.results.read_text()), args.write)
    # so that every way out but SIGKILL passes the `finally` that stops the servers
    servers.on_signals(stopped)
    scale = bench.SCALES[args.scale]
    with servers.running(args.folder, scale.needed_gib, scale.fsync) as (source, target, work):
        rounds = args.rounds or scale.rounds
        results = {"about": about(args, rounds, source)}
        run = bench.Bench(source, target, work, args.binary.resolve(), built("ceiling"), built("distance"), scale, rounds, results, args.results)
        if set(args.only) & set(NEED_MAIN):
            with run.kept_going("source"):
                sources.make_main(run)
        for name, take in MEASURES.items():
            if name in args.only:
                with run.kept_going(name):
                    take(run)
        results["about"]["took"] = time.time() - results["about"]["began"]
        run.keep()
    publish(results, args.write)


def stopped(number, _frame):
    # a second one must not cut the cleaning short
    servers.on_signals(signal.SIG_IGN)
    sys.exit(128 + number)


def built(name):
    """A program of benches/ceiling; None where it is not built."""
    program = ROOT / "target/release" / name
    return program if os.access(program, os.X_OK) else None


def about(args, rounds, server):
    asked = [f"SCALE={args.scale}"] if args.scale != "full" else []
    asked += [f"ROUNDS={args.rounds}"] if args.rounds else []
    asked += [f"ONLY={','.join(args.only)}"] if args.only != list(MEASURES) else []
    return {
        "began": time.time(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "command": " ".join(["make bench-data", *asked]),
        "scale": args.scale,
        "rounds": rounds,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30,
        "processor": processor(),
        "system": platform.release(),
        "load_before": os.getloadavg()[0],
        "settings": {name: value for name, value in server.settings.items() if value and name != "listen_addresses"},
        "versions": {
            "PostgreSQL": server.version(),
            "migrate-wizard": said(args.binary, "--version"),
            "pgcopydb": said("pgcopydb", "--version"),
            "pg_dump": said(server.programs / "pg_dump", "--version"),
            "commit": said("git", "-C", ROOT, "describe", "--always", "--dirty"),
        },
    }


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def said(*command):
    """The first line that a program says; a word when it is not there."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd="/")
    except OSError:
        return "not there"
    return (done.stdout.strip().splitlines() or ["unknown"])[0]


def publish(results, write):
    page = report.page(results)
    print(page)
    if write:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(page)


if __name__ == "__main__":
    main()
