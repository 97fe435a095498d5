"""Runs the benchmarks by turns with their peers and writes docs/benchmarks.md.

A ratio is the median of five pairs, ours and the peer's by turns; a spread over 15 % is called noisy.
"""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import crypto_cost  # noqa: E402
import devices  # noqa: E402
import logs  # noqa: E402
import mail_queue  # noqa: E402
import mobile  # noqa: E402
import parked  # noqa: E402
import relay  # noqa: E402
import rules  # noqa: E402

ALL = {"relay": relay.run, "mobile": mobile.run, "crypto": crypto_cost.run, "parked": parked.run, "queue": mail_queue.run, "rules": rules.run, "logs": logs.run,
       "devices": devices.run}
RESULTS = pathlib.Path("bench/results.json")


def main():
    wanted = sys.argv[1:] or list(ALL)
    for name in wanted:
        if name not in ALL:
            sys.exit(f"no benchmark {name}; there are: {', '.join(ALL)}")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in wanted:
        print(f"── {name}", flush=True)
        results[name] = {"rows": ALL[name](), "at": time.strftime("%Y-%m-%d")}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write(results)


def write(results):
    page = pathlib.Path("docs/benchmarks.md")
    old = page.read_text() if page.exists() else ""
    notes = old[old.index("## What limits it"):] if "## What limits it" in old else "## What limits it\n"
    lines = [
        "# Benchmarks",
        "",
        "`make bench` on two cores, each number against a peer in the same run. A ratio is the median of five pairs, ours and the",
        "peer's by turns; *noisy* says that the five differ by more than 15 %. Data lies on the same file system as the peer's.",
        "",
    ]
    for name, result in results.items():
        lines += [f"## {name} ({result['at']})", "", "| what | ours | peer | ratio | spread |", "| --- | --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(row) + " |" for row in result["rows"]]
        lines += [""]
    page.write_text("\n".join(lines) + "\n" + notes)
    print(page.read_text())


main()
