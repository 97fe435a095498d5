"""Memory of a parked long poll: 5,000 hanging Pings through the gateway, TLS on the phone's side.

(proportional set size with all parked − the same with 100 parked) ÷ the difference, in KiB a poll.
"""
import asyncio
import ssl
import threading

import kit

UPSTREAM, GATE = 2880, 2882
FEW, MANY = 100, 5000


async def hang(reader, writer):
    """The mail server's place: reads a request and never answers."""
    try:
        while await reader.read(65536):
            pass
    except ConnectionError:
        pass
    writer.close()


def upstream(ready):
    async def serve():
        server = await asyncio.start_server(hang, "127.0.0.1", UPSTREAM, backlog=8192)
        ready.set()
        async with server:
            await server.serve_forever()
    asyncio.run(serve())


async def park(first, count, context, held):
    async def one(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", GATE, ssl=context)
        body = b"x" * 60
        head = (
            f"POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=user{number}&DeviceId=DEV{number:06}&DeviceType=iPhone HTTP/1.1\r\nHost: gate.example\r\n"
            f"Authorization: Basic YWxpY2U6c2VjcmV0\r\nMS-ASProtocolVersion: 14.1\r\nUser-Agent: bench\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        held.append((reader, writer))
    for start in range(first, first + count, 100):
        await asyncio.gather(*(one(n) for n in range(start, min(start + 100, first + count))))


def run():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    ready = threading.Event()
    threading.Thread(target=upstream, args=(ready,), daemon=True).start()
    ready.wait()
    gateway = kit.Gateway(
        f'[smtp]\nlisten = []\n[console]\nlisten = []\n[mobile]\nlisten = ["127.0.0.1:{GATE}"]\n[metrics]\nlisten = "127.0.0.1:0"\n',
        f'[[mobile.gateway]]\nid = "bench"\nmail_server = "http://127.0.0.1:{UPSTREAM}"\n',
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def measure():
        held = []
        await park(0, FEW, context, held)
        await asyncio.sleep(2)
        few = gateway.pss()
        await park(FEW, MANY - FEW, context, held)
        await asyncio.sleep(5)
        many = gateway.pss()
        for _, writer in held:
            writer.transport.abort()
        return (many - few) / (MANY - FEW), many

    try:
        each, total = asyncio.run(measure())
    finally:
        gateway.stop()
    return [[f"memory a parked poll at {MANY}, TLS on the phone's side", f"**{each:.1f} KiB**", "goal 30 KiB", "", f"{total // 1024} MiB in all"]]
