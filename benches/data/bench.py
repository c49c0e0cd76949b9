"""What every measure shares: the two servers, the scale, the results so far, and one way run from a fresh database to a checked target.
A failure becomes a line of the results; it never stops the rest."""

import contextlib
import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import check
import measure
import servers
import ways


@dataclass(frozen=True)
class Scale:
    """How much data: pgbench's own scale, gen.sql's variables, rows of the growing table, rows of mixed width."""

    pgbench: int
    events: int
    documents: int
    smalltables: int
    growth: tuple
    mixed: int
    rounds: int
    needed_gib: int
    timeout: int
    # off only where the figures say nothing anyway
    fsync: str = "on"


SCALES = {
    "full": Scale(60, 2_000_000, 200_000, 40, (1_000_000, 3_000_000, 10_000_000), 600_000, 3, 30, 3600),
    "tenth": Scale(6, 200_000, 20_000, 40, (100_000, 300_000, 1_000_000), 60_000, 3, 8, 600),
    "small": Scale(2, 20_000, 2_000, 8, (10_000, 30_000, 100_000), 6_000, 1, 4, 60, "off"),
}


@dataclass
class Bench:
    source: servers.Server
    target: servers.Server
    work: Path
    binary: Path
    ceiling: Path | None
    distance: Path | None
    scale: Scale
    rounds: int
    results: dict
    results_file: Path

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)

    def keep(self):
        self.results_file.parent.mkdir(parents=True, exist_ok=True)
        self.results_file.write_text(json.dumps(self.results, indent=1) + "\n")

    def environment(self, database, into, target):
        return {
            **servers.clean_environment(self.source.programs),
            "SOURCE_DATABASE_URL": self.source.url(database),
            "TARGET_DATABASE_URL": target.url(into),
            # where pgcopydb keeps what it remembers
            "XDG_DATA_HOME": str(self.work / "data"),
        }

    def take(self, label, steps, database, into, target=None):
        """Runs the steps one after the other, each measured: (what they took together, their lines with the times of the whole)."""
        servers.checkpoint(self.source, self.target)
        run = {"wall": 0.0, "cpu": 0.0, "busy": 0.0, "memory": 0.0, "high_water": 0.0, "steps": {}, "failed": ""}
        lines = []
        for name, command in steps:
            taken = measure.run(command, self.environment(database, into, target or self.target), self.work, self.scale.timeout)
            lines += [(at + run["wall"], channel, text) for at, channel, text in taken.lines]
            run["wall"] += taken.wall
            run["cpu"] += taken.cpu
            run["busy"] += taken.busy
            run["memory"] = max(run["memory"], taken.memory)
            run["high_water"] = max(run["high_water"], taken.high_water)
            run["steps"][name] = taken.wall
            run["failed"] = taken.failure()
            if run["failed"]:
                run["failed"] = f"{name}: {run['failed']}"
                break
        figures = f"{run['wall']:.1f} s, {run['cpu']:.1f} s of CPU, {run['memory']:.0f} MiB"
        self.say(f"{label}: {'failed: ' + run['failed'] if run['failed'] else figures}")
        return run, lines

    def move(self, way, database, into, facts):
        """A full move into a fresh database, checked: (run, lines)."""
        self.target.fresh(into)
        run, lines = self.take(way.label, way.steps(self.source.url(database), self.target.url(into), self.work), database, into)
        self.empty_work()
        run["problems"], run["left_out"] = [], []
        if not run["failed"]:
            try:
                run["problems"], run["left_out"] = check.compare(facts, check.facts(self.target, into))
            except RuntimeError as error:
                run["problems"] = [f"the target cannot be compared: {error}"]
        for problem in run["problems"]:
            self.say(f"  {problem}")
        return run, lines

    def verify(self, database, into):
        """Our own comparison of every row; empty when all are equal, else what is wrong."""
        run, lines = self.take("data verify", [("verify", ways.ours_verify(self.binary))], database, into)
        differs = [text for _, _, text in lines if text.startswith("differs")]
        return differs[0] if differs else run["failed"]

    def empty_work(self):
        for each in self.work.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()

    @contextlib.contextmanager
    def kept_going(self, name):
        """A measure that cannot be taken is named in the results, and the next one begins."""
        self.say(f"--- {name}")
        try:
            yield
        except Exception as error:  # whatever it is, the other measures are still worth having
            self.results.setdefault(name, {})["failed"] = f"{type(error).__name__}: {error}"
            self.say(f"{name} failed: {error}")
        self.keep()


def works(run):
    """Whether a run's figures may be compared."""
    return not run["failed"] and not run.get("problems")
