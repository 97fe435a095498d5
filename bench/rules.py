"""Evaluations of the generated rule set, one core, without cryptography; the target is 100,000 a second."""
import json
import os
import pathlib
import statistics
import subprocess

TARGET = 100_000


def run():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path.home() / ".cache/sealgate-target"))
    rates = {}
    for _ in range(5):
        out = subprocess.run([target / "release/examples/evaluations", "1"], check=True, capture_output=True, text=True).stdout
        for line in out.splitlines():
            said = json.loads(line)
            rates.setdefault(said["rules"], []).append(said["evaluations_per_second"])
    rows = []
    for name, all_rates in rates.items():
        rate, spread = statistics.median(all_rates), (max(all_rates) - min(all_rates)) / statistics.median(all_rates)
        noisy = " noisy" if spread > 0.15 else ""
        rows.append([f"rules, {name}", f"{rate:,.0f}/s", f"target {TARGET:,}/s", f"{rate / TARGET:.2f}", f"{spread:.0%}{noisy}"])
    return rows
