"""What the benchmarks share: rooms for peers, starting a gateway, pairs by turns."""
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

ROOMS = pathlib.Path("/var/tmp/sealgate-bench")
GATEWAY = os.environ["SEALGATE_BIN"]


def room(name):
    ROOMS.mkdir(exist_ok=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=ROOMS))


def wait_for(what, look, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"waited {seconds} s in vain: {what}")


def listens(port):
    import socket
    with socket.socket() as s:
        s.settimeout(0.2)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Gateway:
    """A release build with its data on disk; `site` is applied before it counts as started."""

    def __init__(self, config, site):
        self.room = room("sealgate")
        (self.room / "sealgate.toml").write_text(
            f'data = "{self.room}/data"\nmaster_key = "file:{self.room}/master.key"\n{config}\n[log]\nformat = "json"\nlevel = "warn"\n'
        )
        (self.room / "site.toml").write_text(site)
        self.start()
        self.run("config", "apply", str(self.room / "site.toml"))

    def start(self):
        """Starts it; back when it is ready. It is not running."""
        self.log = open(self.room / "log", "a")
        ready = self.room / "data/run/ready.json"
        ready.unlink(missing_ok=True)
        self.process = subprocess.Popen([GATEWAY, "serve", "--config", self.room / "sealgate.toml"], stderr=self.log, stdout=self.log)
        wait_for("the gateway to be ready", lambda: ready.exists() or self.process.poll() is not None, 120)
        if self.process.poll() is not None:
            raise SystemExit((self.room / "log").read_text())
        self.listeners = json.loads(ready.read_text())["listeners"]

    def run(self, *args):
        out = subprocess.run([GATEWAY, "--config", self.room / "sealgate.toml", *args], capture_output=True, text=True)
        if out.returncode:
            raise SystemExit(f"sealgate {args}: {out.stdout}{out.stderr}")
        return out.stdout

    def cpu(self):
        """Seconds of processor time, user and system."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pss(self):
        """Proportional set size in KiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.room, ignore_errors=True)


def pairs(label, unit, ours, peer, count=5):
    """A table row: medians, the median of the ratios, and how far the ratios lie apart."""
    mine, theirs = [], []
    for turn in range(count):
        mine.append(ours())
        theirs.append(peer())
        print(f"   {label}: {mine[-1]:.0f} against {theirs[-1]:.0f} {unit} (pair {turn + 1})", flush=True)
    return row(label, unit, mine, theirs)


def row(label, unit, mine, theirs, digits=0):
    """A table row of what was measured by turns."""
    ratios = [a / b for a, b in zip(mine, theirs)]
    middle = statistics.median(ratios)
    spread = (max(ratios) - min(ratios)) / middle
    noisy = " noisy, again" if spread > 0.15 else ""
    return [label, f"{statistics.median(mine):.{digits}f} {unit}", f"{statistics.median(theirs):.{digits}f} {unit}", f"**{middle:.2f}**", f"{spread:.0%}{noisy}"]
