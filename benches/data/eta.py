"""What a run said of its own remaining time, held against the truth.
Only reads lines of JSON that are already there."""

import json

# a run's first fifth
WHEN = 0.2


def progress(line):
    """The progress object of a line of JSON, alone or inside an event; none in other lines."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if isinstance(value, dict):
        for each in (value, value.get("progress")):
            if isinstance(each, dict) and "done" in each and "unit" in each:
                return each
    return None


def judged(lines, wall):
    """What was said at the first progress after the first fifth of the run: seconds said, seconds true, the error as a part of the truth."""
    said = [(at, progress(text)) for at, _, text in lines]
    said = [(at, what) for at, what in said if what is not None]
    if not said:
        return {"failed": "no progress was told"}
    later = [(at, what["remaining_s"]) for at, what in said if at >= WHEN * wall and what.get("remaining_s") is not None]
    if not later:
        return {"failed": "no progress after the first fifth told the remaining time"}
    at, remaining = later[0]
    truth = wall - at
    return {"at": at, "said": remaining, "truth": truth, "error": abs(remaining - truth) / truth if truth > 0 else 0.0, "wall": wall}
