"""SMTP clients of the queue benchmark, each a process of its own."""
import socket

GATE = 2702


def session(first, count):
    """One SMTP session that hands in `count` mails, each for another recipient."""
    s = socket.create_connection(("127.0.0.1", GATE))
    f = s.makefile("rwb", buffering=1 << 16)

    def reply():
        while True:
            line = f.readline()
            if line[3:4] == b" ":
                assert line[0:1] in b"23", line
                return

    reply()
    f.write(b"EHLO bench\r\n")
    f.flush()
    reply()
    body = (b"x" * 70 + b"\r\n") * 12
    for n in range(first, first + count):
        f.write(b"MAIL FROM:<alice@company.example>\r\nRCPT TO:<user%d@host%d.example>\r\nDATA\r\n" % (n, n % 1000))
        f.flush()
        for _ in range(3):
            reply()
        f.write(b"From: <alice@company.example>\r\nSubject: %d\r\nMessage-ID: <%d@company.example>\r\n\r\n%s.\r\n" % (n, n, body))
        f.flush()
        reply()
    f.write(b"QUIT\r\n")
    f.flush()
    reply()
    s.close()
