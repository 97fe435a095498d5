"""A queue of a million mails, made by the gateway itself and then killed: how it starts, lists and searches.

The next hop takes nothing while the queue is made. Sizes: 1 KB a mail. `SEALGATE_QUEUE_MAILS` makes fewer.
"""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import kit
import queue_client

GATE, HOP = queue_client.GATE, 2700
MAILS = int(os.environ.get("SEALGATE_QUEUE_MAILS", "1000000"))
SESSIONS = 40
CONFIG = f'[smtp]\nlisten = ["127.0.0.1:{GATE}"]\n[console]\nlisten = []\n[mobile]\nlisten = []\n[metrics]\nlisten = "127.0.0.1:0"\n'
SITE = (
    f'[mail]\nhostname = "gate.company.example"\nrelay_networks = ["127.0.0.0/8"]\nsmart_host = "[127.0.0.1]:{HOP}"\n'
    'retry_first = "1m"\nretry_max = "1h"\n[[domain]]\nname = "company.example"\nforward = "[127.0.0.1]:2709"\n'
)


def fill():
    share = MAILS // SESSIONS
    threads = [subprocess.Popen(["python3", "-c", f"import sys; sys.path.insert(0, 'bench'); import queue_client; queue_client.session({n * share}, {share})"]) for n in range(SESSIONS)]
    for thread in threads:
        if thread.wait():
            raise SystemExit("a client failed")


def first_retry(port, found):
    """The next hop: notes when the first RCPT of a queued mail comes, and takes nothing."""
    listener = socket.create_server(("127.0.0.1", port))

    def serve(s):
        f = s.makefile("rwb")
        f.write(b"220 hop\r\n")
        f.flush()
        for line in f:
            if line[:4].upper() == b"RCPT" and not found:
                found.append(time.monotonic())
            f.write(b"451 4.3.0 later\r\n" if line[:4].upper() in (b"RCPT", b"DATA") else b"250 ok\r\n")
            f.flush()

    def accept():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(s,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def timed(gateway, *args):
    """A request over the local socket: the node's own time, without the start of a command."""
    body = b""
    start = time.monotonic()
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(gateway.room / "data/run/admin.sock"))
    s.sendall(f"GET /api/v1/queue{args[0]} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    while piece := s.recv(1 << 20):
        body += piece
    took = (time.monotonic() - start) * 1000
    head, _, body = body.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return took, body.count(b'"trace"')


def run():
    gateway = kit.Gateway(CONFIG, SITE)
    empty = gateway.pss()
    try:
        print(f"   making {MAILS} mails", flush=True)
        start = time.monotonic()
        fill()
        made = time.monotonic() - start
        # Each has been tried once, so that the states are there, too.
        kit.wait_for("all mails to wait", lambda: json.loads(gateway.run("--json", "status"))["queue"]["length"] >= MAILS // SESSIONS * SESSIONS, 600)
        before = gateway.pss()
        gateway.process.send_signal(signal.SIGKILL)
        gateway.process.wait()
        found = []
        listener = first_retry(HOP, found)
        began = time.monotonic()
        gateway.start()
        is_ready = time.monotonic() - began
        queue_client.session(MAILS * 2, 1)
        takes = time.monotonic() - began
        kit.wait_for("the first retry", lambda: found, 120)
        retry = found[0] - began
        listener.close()
        page = min(timed(gateway, "?limit=50")[0] for _ in range(5))
        wanted = MAILS // 2
        filtered = [timed(gateway, f"?to=user{n}@host{n % 1000}.example") for n in (7, wanted, MAILS - MAILS % SESSIONS - 1)]
        assert all(count == 1 for _, count in filtered), filtered
        domain = timed(gateway, "?domain=host7.example&limit=50")[0]
        after = gateway.pss()
    finally:
        gateway.stop()
    worst = max(took for took, _ in filtered)
    return [
        [f"{MAILS:,} mails made by SMTP, {SESSIONS} sessions", f"{MAILS / made:.0f} /s", "", "", ""],
        ["start after a kill: ready", f"{is_ready:.2f} s", "", "", ""],
        ["start after a kill: new mail has its 250", f"{takes:.2f} s", "goal 3 s", "", ""],
        ["start after a kill: first retry", f"{retry:.2f} s", "goal 3 s", "", ""],
        ["first page of the list", f"{page:.0f} ms", "goal 200 ms", "", ""],
        ["filter by recipient, worst of three", f"{worst:.0f} ms", "goal 200 ms", "", ""],
        ["filter by domain, first page", f"{domain:.0f} ms", "goal 200 ms", "", ""],
        ["memory a queued mail, before the kill", f"{(before - empty) * 1024 / MAILS:.0f} octets", "", "", f"{before // 1024} MiB in all"],
        ["memory a queued mail, after the start", f"{(after - empty) * 1024 / MAILS:.0f} octets", "", "", f"{after // 1024} MiB in all"],
    ]
