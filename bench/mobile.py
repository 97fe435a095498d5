"""Requests per second of the mobile gate against nginx as a proxy: TLS in, plain HTTP out, kept connections.

Every request is parsed, judged, recorded and logged by the gateway; nginx passes it on and logs it, and in a row of its own
passes it on without a log. The load is wrk with 64 connections; the upstream is another nginx that answers 2 KB. The last row has policies that read each request and each answer
(25 mails, 20 KB of WBXML) and change links in it, against nginx passing the same on.
"""
import pathlib
import re
import shutil
import subprocess

import eas_mail
import kit

UPSTREAM, PROXY, GATE, SILENT = 2780, 2781, 2782, 2783
SECONDS = 6
SCRIPT = """
wrk.method = "POST"
wrk.body = io.open("BODY", "rb"):read("*a")
wrk.headers["Content-Type"] = "application/vnd.ms-sync.wbxml"
wrk.headers["MS-ASProtocolVersion"] = "14.1"
wrk.headers["User-Agent"] = "Apple-iPhone/1501.1"
wrk.headers["Authorization"] = "Basic YWxpY2U6c2VjcmV0"
"""


SITE = f"""
[[mobile.gateway]]
id = "bench"
mail_server = "http://127.0.0.1:{UPSTREAM}"
"""
CHANGES = SITE + """
[[mobile.policy]]
type = "hyperlinks"
enabled = true
schemes = [{ profile = "ios", http = "x", https = "xs" }]
[[mobile.policy]]
type = "attachments"
enabled = true
classes = { managed = [{ types = ["EXE"], action = "block", text = "No programs." }] }
[[device]]
id = "BENCH0001"
user = "alice"
managed = true
platform = "ios"
"""


def nginx(room, name, config):
    (room / f"{name}.conf").write_text(config)
    subprocess.run(["nginx", "-c", room / f"{name}.conf", "-p", room], check=True, stderr=subprocess.DEVNULL)


def load(room, port):
    out = subprocess.run(["wrk", "-t1", "-c64", f"-d{SECONDS}s", "-s", room / "load.lua", url(port)], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(f"errors in the load:\n{out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def url(port):
    return f"https://127.0.0.1:{port}/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice&DeviceId=BENCH0001&DeviceType=iPhone"


def one(room, port):
    """An answer's body."""
    head = ["Content-Type: application/vnd.ms-sync.wbxml", "MS-ASProtocolVersion: 14.1", "User-Agent: Apple-iPhone/1501.1", "Authorization: Basic YWxpY2U6c2VjcmV0"]
    fields = [part for field in head for part in ("-H", field)]
    return subprocess.run(["curl", "-sfk", *fields, "--data-binary", f"@{room}/body", url(port)], check=True, capture_output=True).stdout


def measured(room, label, request, answer, site, proxy=PROXY):
    """A row: the gateway with these settings, and nginx, before the same upstream."""
    (room / "body").write_bytes(request)
    (room / "answer").write_bytes(answer)
    (room / "load.lua").write_text(SCRIPT.replace("BODY", str(room / "body")))
    gateway = kit.Gateway(
        f'[certificate]\ncert = "{room}/cert.pem"\nkey = "{room}/key.pem"\n[smtp]\nlisten = []\n[console]\nlisten = []\n[mobile]\nlisten = ["127.0.0.1:{GATE}"]\nrequests = 4000000000\n[metrics]\nlisten = "127.0.0.1:0"\n',
        site,
    )
    try:
        # The mail server keeps a file for a second.
        kit.wait_for("the mail server to answer so", lambda: one(room, PROXY) == answer)
        changed = one(room, GATE)
        assert (changed != answer) == (site == CHANGES) and changed.count(b"xs://") == (answer.count(b"https://") if site == CHANGES else 0), len(changed)
        load(room, GATE)
        load(room, proxy)
        return kit.pairs(label, "/s", lambda: load(room, GATE), lambda: load(room, proxy))
    finally:
        gateway.stop()


def run():
    room = kit.room("nginx")
    shutil.chown(room, "www-data")
    peers = pathlib.Path("bench/peers")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-keyout", room / "key.pem", "-out", room / "cert.pem"], check=True, capture_output=True)
    fill = {"ROOM": str(room), "UPSTREAM": str(UPSTREAM), "PROXY": str(PROXY), "SILENT": str(SILENT)}
    for name in ("nginx-upstream", "nginx-proxy"):
        text = (peers / f"{name}.conf").read_text()
        for word, value in fill.items():
            text = text.replace(word, value)
        nginx(room, name, text)
    try:
        return [
            measured(room, "requests, each judged, 64 connections", b"x" * 300, b"y" * 2048, SITE),
            measured(room, "the same, nginx without its log", b"x" * 300, b"y" * 2048, SITE, SILENT),
            measured(room, "20 KB of WBXML read and changed, 64 connections", eas_mail.request(), eas_mail.answer(20_000), CHANGES),
        ]
    finally:
        for name in ("nginx-upstream", "nginx-proxy"):
            subprocess.run(["nginx", "-c", room / f"{name}.conf", "-p", room, "-s", "stop"], stderr=subprocess.DEVNULL)
        shutil.rmtree(room, ignore_errors=True)
