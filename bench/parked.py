"""20,000 parked polls: memory, idle work, what others feel beside them, and how they come back after a restart.

Three gateways, two mail servers and two crowds of phones, each a process of its own with 20,000 descriptors at most; TLS on
both sides (the mail servers' certificate is our own and is not checked); the phones come from four addresses. The tool for both ends is the example `polls` of the room `mobile`.
Memory of a poll: (PSS of the gateways with all parked - the same idle after 1,000 were there) / 20,000.
"""
import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import time

import kit

POLLS = int(os.environ.get("SEALGATE_POLLS", "20000"))
GATES, HOPS = (2882, 2883, 2884), (2890, 2891)
SOURCES = ("127.0.0.2,127.0.0.3", "127.0.0.4,127.0.0.5")
RATE, SECONDS, QUIET = 1500, 10, int(os.environ.get("SEALGATE_QUIET", "60"))


class Tool:
    """A process of the tool; `ask` says a word and reads the numbers of its answer."""

    def __init__(self, *args):
        self.process = subprocess.Popen([str(arg) for arg in (tool(), *args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n", args

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def ask(self):
        self.say("count")
        return [int(number) for number in self.process.stdout.readline().split()]

    def stop(self):
        self.process.kill()
        self.process.wait()


def tool():
    made = pathlib.Path(kit.GATEWAY).parent / "examples/polls"
    if not made.exists():
        raise SystemExit(f"{made} is not there: cargo build --release -p sealgate-mobile --example polls")
    return made


def certificate(room):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", room / "key.pem", "-out", room / "cert.pem"], check=True, capture_output=True)
    return room / "cert.pem", room / "key.pem"


def gateway(port, cert, key):
    servers = " ".join(f"https://localhost:{hop}" for hop in HOPS)
    return kit.Gateway(
        f'[certificate]\ncert = "{cert}"\nkey = "{key}"\n[smtp]\nlisten = []\n[console]\nlisten = []\n[mobile]\nlisten = ["127.0.0.1:{port}"]\n[metrics]\nlisten = "127.0.0.1:0"\n',
        f'[[mobile.gateway]]\nid = "bench"\nmail_server = "{servers}"\nverify_tls_mail = false\n',
    )


class Stage:
    """All processes of the measure."""

    def __init__(self, room):
        cert, key = certificate(room)
        self.root = cert
        self.hops = [Tool("upstream", f"127.0.0.1:{hop}", cert, key) for hop in HOPS]
        self.gateways = [gateway(port, cert, key) for port in GATES]
        gates = ",".join(f"127.0.0.1:{port}" for port in GATES)
        half = POLLS // 2
        self.crowds = [Tool("phones", cert, number * half, half, gates, sources) for number, sources in enumerate(SOURCES)]

    def park(self, count):
        for crowd in self.crowds:
            crowd.say(f"park {count // 2}")
        self.settle(count)

    def hanging(self):
        return sum(hop.ask()[0] for hop in self.hops)

    def settle(self, count, seconds=300):
        kit.wait_for(f"{count} polls to hang", lambda: self.hanging() == count, seconds)

    def seen(self):
        """Hanging, ended well, errors, lost, of all phones."""
        return [sum(column) for column in zip(*(crowd.ask() for crowd in self.crowds))]

    def pss(self):
        return sum(gateway.pss() for gateway in self.gateways)

    def pace(self, port):
        """p50 and p99 in milliseconds."""
        out = subprocess.run([tool(), "pace", self.root, f"127.0.0.1:{port}", str(RATE), str(SECONDS)], capture_output=True, text=True, check=True).stdout
        return [int(number) / 1000 for number in out.split()]

    def stop(self):
        for process in self.crowds + self.gateways + self.hops:
            process.stop()


def restart(stage):
    """Each gateway is told to stop and started anew; seconds until all polls hang again."""
    began = time.monotonic()
    for gateway in stage.gateways:
        gateway.process.send_signal(signal.SIGTERM)
    for gateway in stage.gateways:
        gateway.process.wait(60)
        (gateway.room / "data/run/ready.json").unlink(missing_ok=True)
        gateway.process = subprocess.Popen([kit.GATEWAY, "serve", "--config", gateway.room / "sealgate.toml"], stderr=gateway.log, stdout=gateway.log)
    stage.settle(POLLS)
    return time.monotonic() - began


def run():
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    room = kit.room("polls")
    stage = Stage(room)
    try:
        stage.park(1000)
        stage.park(0)
        time.sleep(5)
        idle = stage.pss()
        stage.park(POLLS)
        time.sleep(5)
        early = stage.pss()
        before = sum(gateway.cpu() for gateway in stage.gateways)
        time.sleep(QUIET)
        work = (sum(gateway.cpu() for gateway in stage.gateways) - before) / QUIET
        full = stage.pss()
        print(f"   {early >> 10} MiB 5 s after all were parked, {full >> 10} MiB {QUIET} s later", flush=True)
        pairs = []
        for turn in range(5):
            ours, direct = stage.pace(GATES[0]), stage.pace(HOPS[0])
            print(f"   p50, p99 at {RATE}/s: {ours} ms through the gateway, {direct} ms straight (pair {turn + 1})", flush=True)
            pairs.append((ours[1], direct[1], ours[1] - direct[1]))
        _, _, errors, _ = stage.seen()
        back = restart(stage)
        hang, ended, after, lost = stage.seen()
    finally:
        stage.stop()
        shutil.rmtree(room, ignore_errors=True)
    through, direct, added = (statistics.median(column) for column in zip(*pairs))
    print(f"   restart: {hang} hang, {ended} ended well, {after - errors} errors, {lost} connections lost or refused", flush=True)
    return [
        [f"memory a parked poll at {POLLS}, TLS on both sides", f"**{(full - idle) / POLLS:.1f} KiB**", "goal 25 KiB", "", f"{full // 1024} MiB in all, {idle // 1024} idle"],
        [f"processor while {POLLS} hang, {QUIET} s", f"**{work:.2%}** of a core", "goal 2%", "", ""],
        [f"p99 at {RATE}/s beside them", f"{through:.1f} ms", f"{direct:.1f} ms straight", f"**{added:.1f} ms** added", "goal 20 ms"],
        ["all back after a restart, four addresses", f"**{back:.0f} s**", "goal 120 s", "", f"{after - errors} answered with an error"],
    ]
