"""Requests per second of the mobile gate against nginx as a proxy: TLS in, plain HTTP out, kept connections.

Every request is parsed, judged and recorded by the gateway; nginx only passes it on. The load is wrk with 64
connections, 300-byte Sync requests; the upstream is another nginx that answers 2 KB.
"""
import pathlib
import re
import shutil
import subprocess

import kit

UPSTREAM, PROXY, GATE = 2780, 2781, 2782
SECONDS = 6
SCRIPT = """
wrk.method = "POST"
wrk.body = string.rep("x", 300)
wrk.headers["Content-Type"] = "application/vnd.ms-sync.wbxml"
wrk.headers["MS-ASProtocolVersion"] = "14.1"
wrk.headers["User-Agent"] = "Apple-iPhone/1501.1"
wrk.headers["Authorization"] = "Basic YWxpY2U6c2VjcmV0"
"""


def nginx(room, name, config):
    (room / f"{name}.conf").write_text(config)
    subprocess.run(["nginx", "-c", room / f"{name}.conf", "-p", room], check=True, stderr=subprocess.DEVNULL)


def load(room, port):
    path = "/Microsoft-Server-ActiveSync?Cmd=Sync&User=alice&DeviceId=BENCH0001&DeviceType=iPhone"
    out = subprocess.run(["wrk", "-t1", "-c64", f"-d{SECONDS}s", "-s", room / "load.lua", f"https://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(f"errors in the load:\n{out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def run():
    room = kit.room("nginx")
    shutil.chown(room, "www-data")
    peers = pathlib.Path("bench/peers")
    (room / "load.lua").write_text(SCRIPT)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-keyout", room / "key.pem", "-out", room / "cert.pem"], check=True, capture_output=True)
    fill = {"ROOM": str(room), "UPSTREAM": str(UPSTREAM), "PROXY": str(PROXY), "ANSWER": "y" * 2048}
    for name in ("nginx-upstream", "nginx-proxy"):
        text = (peers / f"{name}.conf").read_text()
        for word, value in fill.items():
            text = text.replace(word, value)
        nginx(room, name, text)
    gateway = kit.Gateway(
        f'[certificate]\ncert = "{room}/cert.pem"\nkey = "{room}/key.pem"\n[smtp]\nlisten = []\n[console]\nlisten = []\n[mobile]\nlisten = ["127.0.0.1:{GATE}"]\nrequests = 4000000000\n[metrics]\nlisten = "127.0.0.1:0"\n',
        f'[[mobile.gateway]]\nid = "bench"\nmail_server = "http://127.0.0.1:{UPSTREAM}"\n',
    )
    try:
        load(room, GATE)
        load(room, PROXY)
        return [kit.pairs("requests, 64 connections", "/s", lambda: load(room, GATE), lambda: load(room, PROXY))]
    finally:
        gateway.stop()
        for name in ("nginx-upstream", "nginx-proxy"):
            subprocess.run(["nginx", "-c", room / f"{name}.conf", "-p", room, "-s", "stop"], stderr=subprocess.DEVNULL)
        shutil.rmtree(room, ignore_errors=True)
