"""Two throw-away PostgreSQL servers on loopback: starting, asking and stopping them, and their databases.
Never meets a server it did not start, and never leaves one running: the kernel stops them should this process be killed."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

# the same for both, and for every way; what is not named here is PostgreSQL's own default
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "wal_level": "replica",
}
LOCALE = "C.UTF-8"

DROP = 'set client_min_messages = error; drop database if exists "{}" with (force);'


@dataclass
class Server:
    """A running server. `programs` is the folder of its version's programs."""

    name: str
    programs: Path
    port: int
    process: subprocess.Popen
    settings: dict

    def url(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def psql(self, database, text=None, file=None, **variables):
        """The answer of a script, one line for each row, columns parted by tabs."""
        command = [self.programs / "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        done = subprocess.run(
            [*command, "-f", file or "-", self.url(database)], input=text, capture_output=True, text=True, env=clean_environment(self.programs)
        )
        if done.returncode:
            raise RuntimeError(f"psql on {self.name}/{database}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def fresh(self, database):
        """An empty database in place of the one of that name."""
        self.psql("postgres", f'{DROP.format(database)} create database "{database}" template template0;')

    def drop(self, database):
        self.psql("postgres", DROP.format(database))

    def version(self):
        return self.psql("postgres", "show server_version;").strip()

    def stop(self):
        """At once, by the process's own id: nothing needs to be written for files that are thrown away."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()


def clean_environment(programs):
    """The environment without anything that leads to another database; the programs of the servers' version come first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG") and not name.endswith("DATABASE_URL")}
    return {**kept, "PATH": f"{programs}:{kept.get('PATH', '')}", "LC_ALL": "C.UTF-8"}


def find_programs():
    """The folder of PostgreSQL's server programs: as told, else version 15's, else the newest."""
    told = os.environ.get("MIGRATE_WIZARD_PG_BIN")
    places = [told] if told else ["/usr/lib/postgresql/15/bin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    for place in places:
        if Path(place, "initdb").exists() and Path(place, "pgbench").exists():
            return Path(place)
    raise SystemExit(f"no initdb and pgbench in {', '.join(places)}: run `make peers`")


def on_signals(what):
    """What becomes of the signals that ask a program to stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, what)


def checkpoint(*servers):
    for server in servers:
        server.psql("postgres", "checkpoint;")


@contextlib.contextmanager
def running(folder, needed_gib, fsync):
    """The source's server, the target's server and a folder for working files; all gone afterwards."""
    programs = find_programs()
    home = Path(tempfile.mkdtemp(prefix="migrate-wizard-bench-", dir=folder))
    started = []
    try:
        free = shutil.disk_usage(home).free / 2**30
        if free < needed_gib:
            raise SystemExit(f"{home.parent} has {free:.0f} GiB free, {needed_gib} are needed: name another folder with --folder")
        home.chmod(0o711)
        work = home / "work"
        work.mkdir()
        for name in ("source", "target"):
            started.append(start(name, programs, home, {**SETTINGS, "fsync": fsync}))
        yield (*started, work)
    finally:
        on_signals(signal.SIG_IGN)
        for server in started:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def far(server, program, away):
    """The same server behind a delay of so many milliseconds each way."""
    proxy = subprocess.Popen(
        ["setpriv", "--pdeathsig=KILL", program, str(server.port), str(away)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield replace(server, port=int(proxy.stdout.readline()))
    finally:
        proxy.kill()
        proxy.wait()


def start(name, programs, home, settings):
    data = home / name
    data.mkdir(mode=0o700)
    as_user = []
    if os.getuid() == 0:
        # initdb refuses to be root
        user = pwd.getpwnam("postgres")
        os.chown(data, user.pw_uid, user.pw_gid)
        as_user = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    environment = clean_environment(programs)
    made = subprocess.run(
        ["setpriv", *as_user, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", f"--locale={LOCALE}", "--no-sync"],
        capture_output=True, text=True, env=environment, cwd="/",
    )
    if made.returncode:
        raise RuntimeError(f"initdb: {made.stderr.strip()[-500:]}")
    for _ in range(5):
        port = free_port()
        arguments = [text for setting, value in settings.items() for text in ("-c", f"{setting}={value}")]
        with open(home / f"{name}.log", "ab") as log:
            # a session of its own: a Ctrl-C at the terminal is for the harness, which then stops the server
            process = subprocess.Popen(
                ["setpriv", *as_user, "--pdeathsig=INT", programs / "postgres", "-D", data, "-p", str(port), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd="/", start_new_session=True,
            )
        server = Server(name, programs, port, process, settings)
        if answers(server):
            return server
        server.stop()
    raise RuntimeError(f"the {name} server does not start: {(home / f'{name}.log').read_text()[-500:]}")


def answers(server):
    """Waits until it takes connections; false when it has ended instead."""
    deadline = time.monotonic() + 60
    while server.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(RuntimeError):
            server.psql("postgres", "select 1;")
            return True
        time.sleep(0.1)
    return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
