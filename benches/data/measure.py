"""One command run and measured: wall time, processor time and memory of the client's process tree, and its lines with their times.
Knows nothing of databases, and never lets a process of the command live on."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

# seconds between two looks at the memory
LOOK = 0.05
LINES_KEPT = 200_000


@dataclass
class Taken:
    """What a command took. Memory in MiB: `memory` is the highest sum over the tree, `high_water` the first process's own mark.
    `cpu` is its own processor time, `busy` that of the whole machine meanwhile, servers and all."""

    wall: float = 0.0
    cpu: float = 0.0
    busy: float = 0.0
    memory: float = 0.0
    high_water: float = 0.0
    code: int = 0
    timed_out: bool = False
    lines: list = field(default_factory=list)

    def failure(self):
        """Why it failed, in one line; empty when it did not."""
        if self.timed_out:
            return f"did not end within {self.wall:.0f} s"
        if self.code == 0:
            return ""
        said = [text for _, channel, text in self.lines if channel == "stderr" and text.strip()]
        errors = [text for text in said if "error" in text.lower()] or said
        return f"exit {self.code}: {errors[0].strip()[:200] if errors else 'said nothing'}"


def run(command, env, cwd, timeout):
    """Runs a command to its end."""
    taken = Taken()
    begun, busy = time.monotonic(), machine_busy()
    try:
        child = subprocess.Popen(
            [str(part) for part in command], env=env, cwd=cwd, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        )
    except OSError as error:
        return Taken(code=127, lines=[(0.0, "stderr", f"error: {Path(command[0]).name}: {error.strerror.lower()}")])
    ended = threading.Event()
    readers = [
        threading.Thread(target=read, args=(child.stdout, "stdout", begun, taken.lines), daemon=True),
        threading.Thread(target=read, args=(child.stderr, "stderr", begun, taken.lines), daemon=True),
    ]
    watcher = threading.Thread(target=watch, args=(child.pid, ended, taken), daemon=True)
    for thread in (*readers, watcher):
        thread.start()

    def too_long():
        taken.timed_out = True
        end(child.pid)

    timer = threading.Timer(timeout, too_long)
    timer.start()
    try:
        # the resources of the child and of all that it waited for itself
        _, status, usage = os.wait4(child.pid, 0)
        taken.wall = time.monotonic() - begun
        taken.busy = machine_busy() - busy
        taken.cpu = usage.ru_utime + usage.ru_stime
        taken.code = child.returncode = os.waitstatus_to_exitcode(status)
    finally:
        timer.cancel()
        ended.set()
        end(child.pid)
    watcher.join()
    for reader in readers:
        reader.join(5)
    taken.lines.sort(key=lambda line: line[0])
    return taken


def machine_busy():
    """Seconds of processor time that all of the machine has used, as the first line of /proc/stat has it (man 5 proc)."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = (int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def end(group):
    """What is left of a command's process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def read(pipe, channel, begun, lines):
    for text in pipe:
        if len(lines) < LINES_KEPT:
            lines.append((time.monotonic() - begun, channel, text.rstrip("\n")))


def watch(pid, ended, taken):
    """Looks at the memory until the command has ended."""
    while True:
        taken.memory = max(taken.memory, sum(proportional(each) for each in tree(pid)))
        taken.high_water = max(taken.high_water, figure(pid, "status", "VmHWM"))
        if ended.wait(LOOK):
            return


def tree(pid):
    """A process and all that come from it."""
    found, todo = [], [str(pid)]
    while todo:
        each = todo.pop()
        found.append(each)
        for children in Path("/proc", each, "task").glob("*/children"):
            with contextlib.suppress(OSError):
                todo += children.read_text().split()
    return found


def proportional(pid):
    """PSS: a page that several processes share is counted once in all, so forked children are not made larger than they are."""
    return figure(pid, "smaps_rollup", "Pss")


def figure(pid, file, name):
    """A line of a file in /proc such as `Pss:  1234 kB`, in MiB; 0 once the process is gone."""
    with contextlib.suppress(OSError):
        for line in Path("/proc", str(pid), file).read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0
