#!/usr/bin/env python3
"""Lists, searches, filters and the gate's start with a million devices, on both engines.

usage: bench/devices.py [--count N] [--engine sqlite|postgres] [--debug]

Runs the example `million` of the room `store` (it fills what is empty: some minutes) and compares with the goals of the issue: each
list under 200 ms (median of 20), the gate's start under 5 s, its facts under 200 MB. Prints one JSON object an engine.
PostgreSQL is the machine's own (Debian's `postgresql`), as a private cluster that is removed afterwards.
"""

import argparse
import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def measured(url, data, count, debug):
    # `bench/run` has built it beside the gateway.
    built = pathlib.Path(os.environ.get("SEALGATE_BIN", "")).parent / "examples/million"
    program = [built]
    if debug or not built.exists():
        program = ["cargo", "run", "-q", "-p", "sealgate-store", "--example", "million", *([] if debug else ["--release"]), "--"]
    out = subprocess.run([*program, url, data, str(count)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def judged(result):
    slow = {name: ms for name, ms in result["lists_ms"].items() if ms >= 200}
    gate = result["gate"]
    used = gate["resident_after_mib"] - gate["resident_before_mib"]
    result["goals"] = {
        "lists under 200 ms": not slow,
        "start under 5 s": gate["start_s"] < 5,
        "facts under 200 MB": used * 1.048576 < 200,
    }
    result["slow"], result["facts_mib"] = slow, used
    return result


def postgres(work, room):
    binary = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    data, sockets = room / "pg", room / "sockets"
    for path in (data, sockets):
        path.mkdir()
    as_user = []
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "postgres:", str(room)], check=True)
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
    run = lambda *args: subprocess.run([*as_user, *args], check=True, stdout=subprocess.DEVNULL)
    run(f"{binary}/initdb", "--no-sync", "-A", "trust", "-U", "sealgate", "-E", "UTF8", "--locale=C.UTF-8", "-D", str(data))
    options = f"-c listen_addresses=127.0.0.1 -c port=54999 -c unix_socket_directories={sockets}"
    run(f"{binary}/pg_ctl", "-w", "-D", str(data), "-l", str(room / "log"), "-o", options, "start")
    try:
        return work("postgres://sealgate@127.0.0.1:54999/postgres")
    finally:
        run(f"{binary}/pg_ctl", "-m", "immediate", "-D", str(data), "stop")


def taken(engine, count, debug=False):
    """The measures of one engine, in rooms that are removed afterwards."""
    room = pathlib.Path(tempfile.mkdtemp(prefix="sealgate-devices-"))
    room.chmod(0o755)
    node = tempfile.mkdtemp(prefix="sealgate-devices-node-")
    try:
        work = lambda url: measured(url, node, count, debug)
        return judged(work("sqlite:") if engine == "sqlite" else postgres(work, room))
    finally:
        shutil.rmtree(room, ignore_errors=True)
        shutil.rmtree(node, ignore_errors=True)


def run():
    """Rows of the page of benchmarks."""
    rows = []
    for engine in ("sqlite", "postgres"):
        result = taken(engine, 1_000_000)
        name, slowest = max(result["lists_ms"].items(), key=lambda pair: pair[1])
        rows += [
            [f"{engine}: slowest of {len(result['lists_ms'])} lists ({name})", f"{slowest:.0f} ms", "goal 200 ms", "", ""],
            [f"{engine}: the gate's start", f"{result['gate']['start_s']:.1f} s", "goal 5 s", "", ""],
            [f"{engine}: facts in memory", f"{result['facts_mib'] * 1.048576:.0f} MB", "goal 200 MB", "", ""],
        ]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=["sqlite", "postgres"])
    parser.add_argument("--debug", action="store_true", help="without optimisation: for trying the script")
    args = parser.parse_args()
    good = True
    for engine in [args.engine] if args.engine else ["sqlite", "postgres"]:
        result = taken(engine, args.count, args.debug)
        good &= all(result["goals"].values())
        print(json.dumps(result, indent=1))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
