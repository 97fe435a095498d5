"""Durable relay of 10 KB messages: the gateway and Postfix between smtp-source and smtp-sink, by turns.

Delivered per second: from the first connection until the sink has counted the last message. Both take the same
route: one smart host, plain text, the queue on the same file system.
"""
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time

import kit

SINK, POSTFIX = 2690, 2691
MESSAGES = 4000


class Sink:
    """smtp-sink, counting."""

    def __enter__(self):
        self.process = subprocess.Popen(["smtp-sink", "-c", "-u", "nobody", f"127.0.0.1:{SINK}", "500"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        kit.wait_for("smtp-sink", lambda: kit.listens(SINK))
        self.count, self.grown = 0, threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def read(self):
        """Takes the running count all the time: a full pipe would hold the sink up."""
        text = b""
        while piece := os.read(self.process.stdout.fileno(), 65536):
            text = (text + piece)[-200:]
            numbers = re.findall(rb"mesg=(\d+)", text)
            with self.grown:
                self.count = max(self.count, int(numbers[-1]) if numbers else 0)
                self.grown.notify_all()

    def wait(self, count):
        """Returns when so many messages have come."""
        with self.grown:
            if not self.grown.wait_for(lambda: self.count >= count, 120):
                raise SystemExit(f"smtp-sink got {self.count} of {count} messages")


class Postfix:
    """Postfix as its tuning guide says for a fast relay; the queue is on disk and synced as always."""

    def __init__(self):
        self.room = kit.room("postfix")
        os.chmod(self.room, 0o755)
        for folder in ("queue", "data"):
            (self.room / folder).mkdir()
        subprocess.run(["chown", "postfix", self.room / "data"], check=True)
        peers = pathlib.Path("bench/peers")
        (self.room / "master.cf").write_text((peers / "postfix-master.cf").read_text().replace("LISTEN", f"127.0.0.1:{POSTFIX}"))
        (self.room / "main.cf").write_text((peers / "postfix-main.cf").read_text().replace("ROOM", str(self.room)).replace("SINK", str(SINK)))
        subprocess.run(["postfix", "-c", self.room, "start"], check=True, capture_output=True)
        kit.wait_for("Postfix", lambda: kit.listens(POSTFIX))

    def stop(self):
        subprocess.run(["postfix", "-c", self.room, "stop"], capture_output=True)
        shutil.rmtree(self.room, ignore_errors=True)


def send(port, sessions, count):
    with Sink() as sink:
        start = time.monotonic()
        source = ["smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-l", "10240", "-f", "alice@company.example", "-t", "bob@partner.example", f"127.0.0.1:{port}"]
        subprocess.run(source, check=True, stdout=subprocess.DEVNULL)
        accepted = time.monotonic() - start
        sink.wait(count)
        delivered = time.monotonic() - start
    return count / accepted, count / delivered


def run():
    rows = []
    postfix = Postfix()
    gateway = kit.Gateway(
        '[smtp]\nlisten = ["127.0.0.1:2692"]\n[console]\nlisten = []\n[mobile]\nlisten = []\n[metrics]\nlisten = "127.0.0.1:0"\n',
        f'[mail]\nhostname = "gate.company.example"\nrelay_networks = ["127.0.0.0/8"]\nsmart_host = "[127.0.0.1]:{SINK}"\n'
        '[[domain]]\nname = "company.example"\nforward = "[127.0.0.1]:2699"\n',
    )
    try:
        for sessions in (20, 200):
            ours = lambda: send(2692, sessions, MESSAGES)[1]  # noqa: E731
            peer = lambda: send(POSTFIX, sessions, MESSAGES)[1]  # noqa: E731
            send(2692, sessions, 500)
            send(POSTFIX, sessions, 500)
            rows.append(kit.pairs(f"delivered, {sessions} sessions, 10 KB", "/s", ours, peer))
            ceiling = null_ceiling(sessions)
            rows.append([f"null ceiling, {sessions} sessions (source → sink)", f"{ceiling:.0f} /s", "", "", ""])
    finally:
        gateway.stop()
        postfix.stop()
    return rows


def null_ceiling(sessions):
    with Sink() as sink:
        start = time.monotonic()
        source = ["smtp-source", "-d", "-s", str(sessions), "-m", str(MESSAGES), "-l", "10240", "-f", "a@company.example", "-t", "b@partner.example", f"127.0.0.1:{SINK}"]
        subprocess.run(source, check=True, stdout=subprocess.DEVNULL)
        sink.wait(MESSAGES)
        return MESSAGES / (time.monotonic() - start)
