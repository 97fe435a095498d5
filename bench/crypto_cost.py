"""Sign and encrypt as processor time: what its primitives need ÷ what the gateway used, for the same mails.

The primitives of one mail of 100 KB, RSA-2048: one signature, one RSA encryption per recipient, SHA-256 and AES-256 over
the bytes, base64 twice (part and envelope), two copies. Measured by openssl and Python's C code in the same run.
"""
import base64
import hashlib
import os
import re
import subprocess
import time

import kit
import relay

SINK, GATE = 2990, 2992
MAILS, SIZE = 200, 100_000


def openssl_speed(*words):
    out = subprocess.run(["openssl", "speed", "-seconds", "2", *words], capture_output=True, text=True, check=True).stdout
    return out.splitlines()


def primitives():
    """Seconds for one mail."""
    rsa = next(line for line in openssl_speed("rsa2048") if line.startswith("rsa 2048"))
    sign, verify = (float(word.rstrip("s")) for word in re.findall(r"([\d.]+)s", rsa)[:2])
    rate = {}
    for name, words in {"aes": ["-evp", "aes-256-cbc", "-bytes", "16384"], "sha": ["-evp", "sha256", "-bytes", "16384"]}.items():
        rate[name] = float(re.search(r"([\d.]+)k\s*$", openssl_speed(*words)[-1]).group(1)) * 1000
    data = os.urandom(SIZE)
    start = time.process_time()
    for _ in range(500):
        base64.b64encode(data)
    b64 = (time.process_time() - start) / 500
    start = time.process_time()
    for _ in range(500):
        bytearray(data)
    copy = (time.process_time() - start) / 500
    grown = SIZE * 4 / 3
    return sign + verify + grown / rate["sha"] + grown / rate["aes"] + 2 * b64 * 4 / 3 + 2 * copy


def run():
    room = kit.room("crypto")

    def person(address):
        stem = room / address.replace("@", "_")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={address}", "-addext", f"subjectAltName=email:{address}",
                        "-addext", "keyUsage=digitalSignature,keyEncipherment", "-keyout", f"{stem}.key", "-out", f"{stem}.crt"], check=True, capture_output=True)
        subprocess.run(["openssl", "pkcs12", "-export", "-inkey", f"{stem}.key", "-in", f"{stem}.crt", "-passout", "pass:secret", "-out", f"{stem}.p12"], check=True, capture_output=True)
        return stem

    gateway = kit.Gateway(
        f'[smtp]\nlisten = ["127.0.0.1:{GATE}"]\n[console]\nlisten = []\n[mobile]\nlisten = []\n[metrics]\nlisten = "127.0.0.1:0"\n',
        f'[mail]\nhostname = "gate.company.example"\nrelay_networks = ["127.0.0.0/8"]\nsmart_host = "[127.0.0.1]:{SINK}"\n'
        '[[domain]]\nname = "company.example"\nforward = "[127.0.0.1]:2699"\n[[user]]\naddress = "alice@company.example"\n',
    )
    (room / "pass").write_text("secret")
    try:
        alice, bob = person("alice@company.example"), person("bob@partner.example")
        gateway.run("key", "import", f"{alice}.p12", "--user", "alice@company.example", "--passphrase-file", str(room / "pass"))
        gateway.run("key", "import", f"{bob}.crt", "--partner", "bob@partner.example")
        ratios = []
        for turn in range(5):
            need = primitives() * MAILS
            before = gateway.cpu()
            # Each mail is another one (Date, Message-Id): the same mail twice at once would be taken for a client's retry.
            with relay.Sink(SINK) as sink:
                relay.source(GATE, 10, SIZE, MAILS)
                sink.wait(MAILS)
            used = gateway.cpu() - before
            ratios.append(need / used)
            print(f"   primitives {need:.2f} s, gateway {used:.2f} s: {ratios[-1]:.2f} (turn {turn + 1})", flush=True)
        middle = sorted(ratios)[2]
        spread = (max(ratios) - min(ratios)) / middle
        return [[f"sign + encrypt, RSA-2048, {SIZE // 1000} KB: primitives ÷ gateway", f"{used:.2f} s", f"{need:.2f} s", f"**{middle:.2f}**", f"{spread:.0%}" + (" noisy, again" if spread > 0.15 else "")]]
    finally:
        gateway.stop()
