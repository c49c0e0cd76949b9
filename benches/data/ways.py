"""The ways to move a database that are measured beside each other: each is the commands that a person would type.
Measures nothing, and never gives one way a setting of the server that another lacks."""

from dataclasses import dataclass
from typing import Callable

JOBS = 2


@dataclass(frozen=True)
class Way:
    """`steps` gives (label, command) for two URLs and a working folder; `added` is what a full move needed besides the tool's own command."""

    name: str
    label: str
    steps: Callable
    added: str = ""


def ours(binary, jobs=JOBS, schema=True, limits=None):
    """Our mover; the URLs are in the environment, where they are in no process list."""
    command = [binary, "data", "copy", "--json", "--jobs", jobs]
    command += ["--with-schema"] if schema else []
    command += ["--limits", limits] if limits else []
    return [*command, *ends()]


def ours_verify(binary):
    return [binary, "data", "verify", *ends()]


def ends():
    return ["--source-env", "SOURCE_DATABASE_URL", "--target-env", "TARGET_DATABASE_URL"]


def statistics(programs, target):
    return ("statistics", [programs / "vacuumdb", "--analyze-only", "--quiet", f"--jobs={JOBS}", f"--dbname={target}"])


def moves(binary, programs):
    """The ways of a full move. Splitting tables (`--split-tables-larger-than`) is not among them: in pgcopydb 0.10 it leaves a table empty."""

    def pgcopydb(*jobs):
        return lambda source, target, work: [
            ("clone", ["pgcopydb", "clone", "--source", source, "--target", target, "--dir", work / "pgcopydb", *jobs]),
        ]

    def dump_and_restore(source, target, work):
        return [
            ("dump", [programs / "pg_dump", "-Fd", f"-j{JOBS}", "-f", work / "dump", source]),
            ("restore", [programs / "pg_restore", f"-j{JOBS}", "-d", target, work / "dump"]),
            statistics(programs, target),
        ]

    return [
        Way("ours", f"migrate-wizard data copy --with-schema --jobs {JOBS} --json", lambda source, target, work: [("copy", ours(binary))]),
        Way("pgcopydb-2", "pgcopydb clone --table-jobs 2 --index-jobs 2", pgcopydb("--table-jobs", 2, "--index-jobs", 2)),
        Way("pgcopydb", "pgcopydb clone (its defaults: 4 and 4)", pgcopydb()),
        Way("pg_dump", f"pg_dump -Fd -j{JOBS}, pg_restore -j{JOBS}", dump_and_restore, f"vacuumdb --analyze-only -j{JOBS}"),
    ]
