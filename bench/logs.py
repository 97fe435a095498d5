"""Gigabytes of message stories: how long a search takes, with the node running.

A mail's real lines are the pattern for all others: another trace, other addresses, a later time. The files are named as the gateway
names what it has rotated, and the gateway itself puts them away. `SEALGATE_LOG_MAILS` makes fewer.
"""
import datetime
import json
import os
import pathlib
import re
import signal
import time

import kit
import mail_queue
import queue_client

MAILS = int(os.environ.get("SEALGATE_LOG_MAILS", "2000000"))
A_FILE = 100_000
DAYS = 20
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


def pattern(folder):
    """The lines of the one mail that was sent, as text with places for what differs."""
    lines = [line for line in (folder / "story.jsonl").read_text().splitlines() if "user7@host7.example" in line or '"mail.' in line]
    trace = next(json.loads(line)["trace"] for line in lines if '"mail.accepted"' in line)
    text = "\n".join(line for line in lines if trace in line) + "\n"
    return text, trace


def write(folder, text, trace):
    """Rotated files, the oldest first; the octets of all."""
    first = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=DAYS)
    step = datetime.timedelta(days=DAYS - 1) / MAILS
    octets = 0
    for number in range(0, MAILS, A_FILE):
        last = first + step * (number + A_FILE)
        path = folder / f"story-{number // A_FILE + 1:010}-{last.strftime('%Y%m%dT%H%M%SZ')}.jsonl"
        with path.open("w") as out:
            for n in range(number, min(number + A_FILE, MAILS)):
                at = (first + step * n).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                own = f"{n:08x}{trace[8:]}"
                out.write(TIME.sub(at, text).replace(trace, own).replace("user7@host7.example", f"user{n}@host{n % 1000}.example").replace("<7@", f"<{n}@").replace('"7@', f'"{n}@'))
        octets += path.stat().st_size
    return octets


def searched(gateway, *args):
    """Seconds of one command, and what it found."""
    start = time.monotonic()
    answer = json.loads(gateway.run("--json", "log", "search", *args))
    return time.monotonic() - start, answer


def run():
    gateway = kit.Gateway(mail_queue.CONFIG, mail_queue.SITE)
    folder = pathlib.Path(gateway.room / "data/log")
    try:
        queue_client.session(7, 1)
        kit.wait_for("the story", lambda: '"mail.accepted"' in (folder / "story.jsonl").read_text())
        text, trace = pattern(folder)
        print(f"   writing the stories of {MAILS} mails", flush=True)
        octets = write(folder, text, trace)
        # A start puts away what lies there.
        start = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait()
        gateway.start()
        kit.wait_for("all files to be put away", lambda: not list(folder.glob("story-*.jsonl")), 1800)
        put_away = time.monotonic() - start
        kept = sum(path.stat().st_size for path in folder.iterdir())
        oldest, middle = 11, MAILS // 2
        rows = []
        for what, args, count in [
            ("by trace, the oldest day", ["--trace", f"{oldest:08x}{trace[8:]}"], 1),
            ("by recipient, one of all", ["--to", f"user{middle}@host{middle % 1000}.example"], 1),
            ("by domain of recipients, first page", ["--domain", "host7.example", "--limit", "50"], 50),
            ("by a recipient who is nowhere", ["--to", "nobody@nowhere.example"], 0),
            ("by text that is nowhere, first page", ["--text", "nothing like this"], 0),
        ]:
            took, answer = min((searched(gateway, *args) for _ in range(3)), key=lambda one: one[0])
            assert len(answer["items"]) == count, (what, len(answer["items"]))
            rows.append([f"{what}", f"{took:.2f} s", "", "", ""])
    finally:
        gateway.stop()
    gigabytes = octets / 1e9
    return [
        [f"stories of {MAILS:,} mails", f"{gigabytes:.1f} GB", "", "", f"{kept / 1e9:.2f} GB when put away, {octets / 1e6 / put_away:.0f} MB/s"],
        *rows,
    ]
