"""How long nobody can write: the wizard's own cutover on a database of about 2 GB of which 0.1 % changed since the first copy, with the emulator
in place of AWS; each step's share. Tasks, images and the name's way through the world's caches take no time here, and that is said.

    python3 benches/data/cutover.py [--scale small|full] [--binary FILE] [--pattern scattered|newest]
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from datetime import datetime
from pathlib import Path

import servers
from bench import SCALES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATTERNS = {"scattered": (4_000, 0), "newest": (80, 0.98)}
# from here to there nobody can write
FIRST, LAST = "freeze", "switch"
# zones of this name are the emulator's alone
NAME = "bench.example.test"


class Emulator:
    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        own = {
            "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "MINISTACK_ACCOUNT_ID": "123456789012",
            "REDIS_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
        }
        command = [ROOT / "target/emulator/bin/python", ROOT / "tests/support/emulator.py"]
        self.process = subprocess.Popen(command, env={**os.environ, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2).read()
                return self
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError("the emulator did not start within 90 s: run make emulator") from None
                time.sleep(0.1)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def zone(self):
        """A public zone with the name's old record."""
        space = 'xmlns="https://route53.amazonaws.com/doc/2013-04-01/"'
        made = self.send("", f"<CreateHostedZoneRequest {space}><Name>example.test.</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>")
        zone = made.split("<Id>/hostedzone/")[1].split("<")[0]
        record = f"<Name>{NAME}.</Name><Type>CNAME</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>bench.replit.app</Value></ResourceRecord></ResourceRecords>"
        self.send(
            f"/{zone}/rrset",
            f"<ChangeResourceRecordSetsRequest {space}><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet>{record}</ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
        )

    def send(self, path, body):
        scope = "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=0"
        request = urllib.request.Request(
            f"{self.url}/2013-04-01/hostedzone{path}", body.encode(), {"Authorization": scope, "Content-Type": "application/xml"}, method="POST"
        )
        return urllib.request.urlopen(request, timeout=10).read().decode()


class Demo:
    """The wizard's demo, whose source may be frozen for real."""

    def __init__(self, binary, folder, emulator):
        self.app = folder / "app"
        answers = ["app_name=bench", "database=rds", "domain=route53", f"domain_name={NAME}", "cicd=none"]
        self.command = [binary, "demo", "--dir", self.app, "--scale", "1", "--yes", "--plain", *(word for answer in answers for word in ("--set", answer))]
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG")) and not name.endswith("DATABASE_URL")}
        self.env = {
            **keep, "TMPDIR": str(folder / "tmp"), "AWS_ENDPOINT_URL": emulator.url, "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.log = folder / "wizard.log"

    def until(self, entry, step):
        """Runs until the journal holds this, then as if the power went."""
        with open(self.log, "a") as log:
            process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not any(what["entry"] == entry and what.get("step") == step for _, what in self.entries()):
            if process.poll() is not None:
                raise RuntimeError(f"the wizard ended before {step}:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def finish(self):
        with open(self.log, "a") as log:
            done = subprocess.run(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if done.returncode:
            raise RuntimeError(f"the wizard failed:\n{self.log.read_text()[-2000:]}")

    def entries(self):
        for journal in self.app.glob(".migrate-wizard/*/journal.jsonl"):
            for line in journal.read_text().splitlines():
                try:
                    record = json.loads(line)
                except ValueError:
                    return  # the line is being written
                yield datetime.fromisoformat(record["at"]), record["what"]

    def source(self, programs):
        """The demo's own source server, which a killed demo leaves running."""
        folder = self.app.with_name("app-source")
        port = int((folder / "data/postmaster.pid").read_text().splitlines()[3])
        os.environ["PGPASSFILE"] = str(next(path for path in folder.iterdir() if "pass" in path.name))
        return servers.Server("source", programs, port, None, {})


def steps(entries):
    """Seconds of each step from the freeze to the switch, and of the whole; the last time that each of them was begun."""
    begun, took = {}, {}
    for at, what in entries:
        if what["entry"] == "started":
            begun[what["step"]] = at
        if what["entry"] == "done" and what["step"] in begun:
            took[what["step"]] = (begun[what["step"]], at)
    first, last = took[FIRST][0], took[LAST][1]
    inside = [(step, (end - start).total_seconds()) for step, (start, end) in took.items() if first <= start and end <= last]
    return inside, (last - first).total_seconds()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scale", choices=SCALES, default="full")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/migrate-wizard")
    parser.add_argument("--pattern", choices=PATTERNS, default="scattered")
    asked = parser.parse_args()
    scale = SCALES[asked.scale]
    programs = servers.find_programs()
    folder = Path(tempfile.mkdtemp(prefix="cutover-"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o1777)
    try:
        with Emulator() as emulator:
            emulator.zone()
            demo = Demo(asked.binary, folder, emulator)
            demo.until("started", "network")
            source = demo.source(programs)
            environment = {**servers.clean_environment(programs), "PGPASSFILE": os.environ["PGPASSFILE"]}
            url = source.url("app")
            subprocess.run([programs / "pgbench", "-i", "-q", "-s", str(scale.pgbench), "-I", "dtgvpf", url], check=True, capture_output=True, env=environment)
            sql(programs, url, environment, HERE / "gen.sql", events=scale.events, documents=scale.documents, smalltables=scale.smalltables)
            demo.until("done", "first_check")
            if any(what.get("step") == FIRST for _, what in demo.entries()):
                raise RuntimeError("the freeze was begun before the changes were made: run it again")
            every, share = PATTERNS[asked.pattern]
            sql(programs, url, environment, HERE / "changes.sql", round=0, every=every, share=share)
            done = subprocess.run(
                [programs / "psql", "-XqAt", "-c", "select pg_database_size(current_database())", url], check=True, capture_output=True, text=True, env=environment
            )
            size = int(done.stdout)
            demo.finish()
            inside, whole = steps(demo.entries())
            print(f"source {size / 1e9:.2f} GB, 0.1 % changed ({asked.pattern}); from freeze to traffic on AWS: {whole:.1f} s")
            for step, seconds in inside:
                print(f"  {step:<24} {seconds:7.2f} s  {seconds / whole:5.0%}")
            print(f"  {'between the steps':<24} {whole - sum(s for _, s in inside):7.2f} s")
    finally:
        for pid in folder.glob("*/data/postmaster.pid"):
            os.kill(int(pid.read_text().splitlines()[0]), signal.SIGQUIT)
        for pid in folder.glob("tmp/migrate-wizard/*/data/postmaster.pid"):
            os.kill(int(pid.read_text().splitlines()[0]), signal.SIGQUIT)
        time.sleep(1)
        shutil.rmtree(folder, ignore_errors=True)


def sql(programs, url, environment, file, **variables):
    # the sample has a schema of that name
    text = re.sub(r"\bapp\b", "load", file.read_text())
    command = [programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    for name, value in variables.items():
        command += ["-v", f"{name}={value}"]
    done = subprocess.run([*command, "-f", "-", url], input=text, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{file.name}: {done.stderr.strip()[-500:]}")


if __name__ == "__main__":
    main()
