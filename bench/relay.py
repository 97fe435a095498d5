"""Durable relay: the gateway and Postfix between smtp-source and smtp-sink, by turns.

Delivered per second: from the first connection until the sink has counted the last message. Both take the same
route: one smart host, plain text, the queue on the same file system. Beside it how long a client waits from its final dot to
the 250, and what the gateway's memory grows to under a thousand sessions.
"""
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import threading
import time

import kit

SINK, POSTFIX, GATE = 2690, 2691, 2692
# Sessions, octets of a message, messages of a run.
LOADS = [(20, 10_240, 4000), (200, 10_240, 4000), (20, 1_024, 4000), (20, 1_000_000, 200)]


class Sink:
    """smtp-sink, counting."""

    def __init__(self, port=SINK):
        self.port = port

    def __enter__(self):
        self.process = subprocess.Popen(["smtp-sink", "-c", "-u", "nobody", f"127.0.0.1:{self.port}", "500"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        kit.wait_for("smtp-sink", lambda: kit.listens(self.port))
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


def source(port, sessions, size, count):
    """Runs smtp-source to its end."""
    words = ["smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-l", str(size), "-f", "alice@company.example", "-t", "bob@partner.example", f"127.0.0.1:{port}"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def send(port, sessions, size, count):
    """Delivered messages per second."""
    with Sink() as sink:
        start = time.monotonic()
        source(port, sessions, size, count)
        if port != SINK:
            sink.wait(count)
        return count / (time.monotonic() - start)


class Client:
    """One kept session that measures from the final dot to the reply."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")
        self.reply()
        self.say(b"EHLO client.example")

    def reply(self):
        while True:
            line = self.lines.readline()
            if not line:
                raise SystemExit("the server closed a session")
            if line[3:4] == b" ":
                return line

    def say(self, line):
        self.socket.sendall(line + b"\r\n")
        return self.reply()

    def mail(self, number, content):
        for line in (b"MAIL FROM:<alice@company.example>", b"RCPT TO:<bob@partner.example>", b"DATA"):
            reply = self.say(line)
            if reply[:1] not in b"23":
                raise SystemExit(f"{line} got {reply}")
        # Each is another mail: the same bytes twice at once would be taken for a client's retry.
        self.socket.sendall(b"Message-ID: <%d.%d@company.example>\r\n" % (number, time.time_ns()) + content)
        start = time.perf_counter()
        reply = self.say(b".")
        if not reply.startswith(b"250"):
            raise SystemExit(f"a mail got {reply}")
        return time.perf_counter() - start


def waits(port, sessions=20, each=100):
    """Seconds from the final dot to the 250 of each mail, 10 KB, all sessions at once."""
    content = b"From: alice@company.example\r\nTo: bob@partner.example\r\nSubject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 142
    found = []

    def session(first):
        client = Client(port)
        times = [client.mail(number, content) for number in range(first, first + each)]
        found.extend(times)

    threads = [threading.Thread(target=session, args=(n * each,)) for n in range(sessions)]
    with Sink() as sink:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sink.wait(sessions * each)
    if len(found) != sessions * each:
        raise SystemExit(f"{len(found)} of {sessions * each} mails were taken")
    return found


def latency():
    """Rows of p50 and p99; a ratio under 1 says that ours answers sooner."""
    rows = []
    runs = [(waits(GATE), waits(POSTFIX)) for _ in range(5)]
    for name, cut in (("p50", 49), ("p99", 98)):
        ours, peer = ([statistics.quantiles(run[side], n=100)[cut] * 1000 for run in runs] for side in (0, 1))
        rows.append(kit.row(f"final dot to 250, 20 sessions, 10 KB, {name}", "ms", ours, peer, 2))
        print("   " + " · ".join(rows[-1]), flush=True)
    return rows


def memory(gateway):
    """The largest proportional set size while a thousand sessions send."""
    before, largest, done = gateway.pss(), 0, threading.Event()

    def watch():
        nonlocal largest
        while not done.wait(0.05):
            largest = max(largest, gateway.pss())

    watcher = threading.Thread(target=watch)
    watcher.start()
    with Sink() as sink:
        source(GATE, 1000, 10_240, 10_000)
        sink.wait(10_000)
    done.set()
    watcher.join()
    return [["memory at 1,000 sessions, 10 KB", f"**{largest / 1024:.0f} MiB**", "goal 200 MB", "", f"{before / 1024:.0f} MiB before"]]


def gateway():
    return kit.Gateway(
        f'[smtp]\nlisten = ["127.0.0.1:{GATE}"]\n[console]\nlisten = []\n[mobile]\nlisten = []\n[metrics]\nlisten = "127.0.0.1:0"\n[limits]\nsessions = 1100\n',
        f'[mail]\nhostname = "gate.company.example"\nrelay_networks = ["127.0.0.0/8"]\nsmart_host = "[127.0.0.1]:{SINK}"\n'
        '[[domain]]\nname = "company.example"\nforward = "[127.0.0.1]:2699"\n',
    )


def run():
    # Memory first, each measure in a process of its own: what a process has used once it keeps for a while.
    fresh = gateway()
    try:
        remembered = memory(fresh)
    finally:
        fresh.stop()
    rows = []
    postfix, ours = Postfix(), gateway()
    try:
        for sessions, size, count in LOADS:
            for port in (GATE, POSTFIX):
                send(port, sessions, size, count // 8)
            label = f"{sessions} sessions, {size // 1000} KB"
            rows.append(kit.pairs(f"delivered, {label}", "/s", lambda: send(GATE, sessions, size, count), lambda: send(POSTFIX, sessions, size, count)))
            rows.append([f"null ceiling, {label} (source → sink)", f"{send(SINK, sessions, size, count):.0f} /s", "", "", ""])
        rows += latency()
        remembered += memory(ours)
    finally:
        ours.stop()
        postfix.stop()
    remembered[1][0] += ", after the loads above"
    return rows + remembered
