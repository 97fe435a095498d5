"""Cryptography as processor time: what its primitives need ÷ what the gateway used, for the same mails.

Accept → sign + encrypt (two recipients) → deliver, and accept → decrypt + verify → deliver. The primitives of one mail: one signature
and one key for each recipient (or one private decryption and one verification), SHA-256 and AES-256 over the bytes, base64 twice (part and
envelope), two copies. Measured by openssl and Python's C code in the same run.
"""
import base64
import os
import pathlib
import re
import subprocess
import threading
import time

import kit
import relay

SINK, GATE = 2990, 2992
ALICE, BOB, CAROL = "alice@company.example", "bob@partner.example", "carol@partner.example"
KEYS = {"RSA-2048": ["rsa:2048"], "RSA-3072": ["rsa:3072"], "P-256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}
# Kind of key, octets, mails of a turn, goal.
OUTWARD = [("RSA-3072", 100_000, 800, 0.8), ("RSA-2048", 100_000, 800, 0.6), ("RSA-2048", 10_000, 1600, None), ("P-256", 100_000, 800, None)]
INWARD = [("RSA-2048", 100_000, 800, None)]
# Mails of the largest size that a site takes at first, in octets, and how many.
LARGEST, LARGE = 49_900_000, 12
OPENING = b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"


def openssl_speed(*words):
    out = subprocess.run(["openssl", "speed", "-seconds", "1", *words], capture_output=True, text=True, check=True).stdout
    return out.splitlines()


def operations(kind):
    """Seconds of a private operation, of verifying, and of giving a key to one recipient."""
    def numbers(algorithm, begin):
        line = next(line for line in openssl_speed(algorithm) if line.strip().startswith(begin))
        return [float(word) for word in re.findall(r"([\d.]+)(?=\s|$)", line.replace("bits", " "))][-2:]

    if kind == "P-256":
        sign, verify = (1 / rate for rate in numbers("ecdsap256", "256"))
        # An ephemeral key and an agreement: two multiplications.
        return sign, verify, 2 / numbers("ecdhp256", "256")[-1]
    sign, verify = (1 / rate for rate in numbers(kind.lower().replace("-", ""), "rsa"))
    return sign, verify, verify


def throughput():
    """Octets a second of AES-256-CBC (both ways) and of SHA-256, seconds an octet of base64 (both ways) and of a copy."""
    rate = {}
    for name, words in {"encrypt": ["-evp", "aes-256-cbc"], "decrypt": ["-decrypt", "-evp", "aes-256-cbc"], "sha": ["-evp", "sha256"]}.items():
        rate[name] = float(re.search(r"([\d.]+)k\s*$", openssl_speed("-bytes", "16384", *words)[-1]).group(1)) * 1000
    data = os.urandom(100_000)
    text = base64.b64encode(data)
    for name, work in {"b64": lambda: base64.b64encode(data), "un64": lambda: base64.b64decode(text), "copy": lambda: bytearray(data)}.items():
        start = time.process_time()
        for _ in range(500):
            work()
        rate[name] = (time.process_time() - start) / 500 / len(data)
    return rate


def primitives(kind, size, inward):
    """Seconds for one mail."""
    private, verify, give = operations(kind)
    rate = throughput()
    grown = size * 4 / 3
    bulk = grown / rate["sha"] + 2 * size * rate["copy"]
    if inward:
        return private + verify + bulk + grown / rate["decrypt"] + 2 * grown * rate["un64"]
    return private + 2 * give + bulk + grown / rate["encrypt"] + 2 * grown * rate["b64"]


def person(room, address, kind):
    stem = room / f"{address.split('@')[0]}-{kind}"
    subprocess.run(["openssl", "req", "-x509", "-newkey", *KEYS[kind], "-nodes", "-days", "30", "-subj", f"/CN={address}", "-addext", f"subjectAltName=email:{address}",
                    "-addext", "keyUsage=digitalSignature,keyEncipherment,keyAgreement", "-keyout", f"{stem}.key", "-out", f"{stem}.crt"], check=True, capture_output=True)
    subprocess.run(["openssl", "pkcs12", "-export", "-inkey", f"{stem}.key", "-in", f"{stem}.crt", "-passout", "pass:secret", "-out", f"{stem}.p12"], check=True, capture_output=True)
    return stem


def text(size):
    return (b"x" * 70 + b"\r\n") * (size // 72)


def closed(room, alice, bob, size):
    """What the partner signs and encrypts, without the fields that differ."""
    signed = ["openssl", "cms", "-sign", "-md", "sha256", "-signer", f"{bob}.crt", "-inkey", f"{bob}.key"]
    plain = b"Content-Type: text/plain\r\n\r\n" + text(size)
    inner = subprocess.run(signed, input=plain, check=True, capture_output=True).stdout
    outer = subprocess.run(["openssl", "cms", "-encrypt", "-aes-256-cbc", f"{alice}.crt"], input=inner, check=True, capture_output=True).stdout
    return outer.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def offered(client, sender, recipients, mail):
    """True when it was taken, false when there is no room for it now."""
    for line in [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{to}>" for to in recipients), "DATA"]:
        reply = client.say(line.encode())
        if reply[:1] not in b"23":
            break
    else:
        client.socket.sendall(mail)
        reply = client.say(b".")
    if reply[:3] not in (b"250", b"451", b"452"):
        raise SystemExit(f"a mail got {reply}")
    return reply.startswith(b"250")


def send(sender, recipients, rest, count, sessions=10):
    """Sends `count` mails, each another one: the same mail twice at once would be taken for a client's retry."""
    def session(first):
        client = relay.Client(GATE)
        for number in range(first, count, sessions):
            head = f"From: {sender}\r\nTo: {', '.join(recipients)}\r\nSubject: x\r\nMessage-ID: <{number}.{time.time_ns()}@bench.example>\r\n"
            while not offered(client, sender, recipients, head.encode() + rest):
                client.say(b"RSET")
                time.sleep(0.5)

    threads = [threading.Thread(target=session, args=(n,)) for n in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(gateway, label, goal, need, work, count):
    ratios, spent = [], []
    for turn in range(5):
        wanted = need() * count
        before = gateway.cpu()
        with relay.Sink(SINK) as sink:
            work()
            sink.wait(count)
        used = gateway.cpu() - before
        ratios.append(wanted / used)
        spent.append((used, wanted))
        print(f"   {label}: primitives {wanted:.2f} s, gateway {used:.2f} s: {ratios[-1]:.2f} (turn {turn + 1})", flush=True)
    middle = sorted(ratios)[2]
    used, wanted = spent[ratios.index(middle)]
    spread = (max(ratios) - min(ratios)) / middle
    peer = f"{wanted / count * 1e3:.2f} ms a mail" + (f", goal {goal}" if goal else "")
    return [f"{label}: primitives ÷ gateway", f"{used / count * 1e3:.2f} ms a mail", peer, f"**{middle:.2f}**", f"{spread:.0%}" + (" noisy, again" if spread > 0.15 else "")]


def large(gateway, label, work, count):
    """The most memory that mails of the largest size take, all at once; those for which there is no room come again."""
    with relay.Sink(SINK) as sink:
        work()
        sink.wait(count)
    text = pathlib.Path(f"/proc/{gateway.process.pid}/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) // 1024
    return [f"{label}, {count} mails of 50 MB at once, 1 GB for mail: memory at most", f"**{peak} MiB**", "goal 1 GB and what the program takes itself", "", ""]


def with_gateway(kind, work):
    room = kit.room("crypto")
    gateway = kit.Gateway(
        f'[limits]\nmemory = "1GB"\n[smtp]\nlisten = ["127.0.0.1:{GATE}"]\n[console]\nlisten = []\n[mobile]\nlisten = []\n[metrics]\nlisten = "127.0.0.1:0"\n',
        f'[mail]\nhostname = "gate.company.example"\nrelay_networks = ["127.0.0.0/8"]\nsmart_host = "[127.0.0.1]:{SINK}"\n'
        f'[[domain]]\nname = "company.example"\nforward = "[127.0.0.1]:{SINK}"\n[[user]]\naddress = "{ALICE}"\n',
    )
    (room / "pass").write_text("secret")
    try:
        alice, bob, carol = (person(room, address, kind) for address in (ALICE, BOB, CAROL))
        gateway.run("key", "import", f"{alice}.p12", "--user", ALICE, "--passphrase-file", str(room / "pass"))
        for address, stem in ((BOB, bob), (CAROL, carol)):
            gateway.run("key", "import", f"{stem}.crt", "--partner", address)
        return work(gateway, room, alice, bob)
    finally:
        gateway.stop()


def run():
    rows = []
    for kind, size, count, goal in OUTWARD:
        rest = OPENING + text(size)
        work = lambda gateway, *_: measure(gateway, f"sign + encrypt for two, {kind}, {size // 1000} KB", goal, lambda: primitives(kind, size, False),
                                           lambda: send(ALICE, [BOB, CAROL], rest, count), count)
        rows.append(with_gateway(kind, work))
    for kind, size, count, goal in INWARD:
        def work(gateway, room, alice, bob):
            rest = closed(room, alice, bob, size)
            return measure(gateway, f"decrypt + verify, {kind}, {size // 1000} KB", goal, lambda: primitives(kind, size, True), lambda: send(BOB, [ALICE], rest, count), count)
        rows.append(with_gateway(kind, work))
    rows.append(with_gateway("RSA-2048", lambda gateway, *_: large(gateway, "sign + encrypt", lambda: send(ALICE, [BOB, CAROL], OPENING + text(LARGEST), LARGE, LARGE), LARGE)))
    rows.append(with_gateway("RSA-2048", lambda gateway, room, alice, bob: large(gateway, "decrypt + verify", lambda: send(BOB, [ALICE], closed(room, alice, bob, LARGEST * 7 // 10), LARGE, LARGE), LARGE)))
    return rows
