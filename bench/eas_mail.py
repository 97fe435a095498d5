"""A Sync request and an answer with mails, in WBXML as phones and servers write it (MS-ASWBXML), for the benchmarks."""

PAGES = {
    0: {"Sync": 0x05, "Add": 0x07, "SyncKey": 0x0B, "ServerId": 0x0D, "Status": 0x0E, "Collection": 0x0F, "CollectionId": 0x12, "GetChanges": 0x13, "WindowSize": 0x15,
        "Commands": 0x16, "Collections": 0x1C, "ApplicationData": 0x1D},
    2: {"DateReceived": 0x0F, "MessageClass": 0x13, "Subject": 0x14, "Read": 0x15, "To": 0x16, "From": 0x18},
    17: {"Type": 0x06, "Body": 0x0A, "Data": 0x0B, "EstimatedDataSize": 0x0C, "Attachments": 0x0E, "Attachment": 0x0F, "DisplayName": 0x10, "FileReference": 0x11, "Method": 0x12},
}
WHERE = {name: (page, token) for page, names in PAGES.items() for name, token in names.items()}
PUBLIC_ID_UNKNOWN, UTF_8 = 1, 106


def written(tree):
    """Octets of (name, text or list of such pairs)."""
    out, page = bytearray([3, PUBLIC_ID_UNKNOWN, UTF_8, 0]), 0

    def put(name, content):
        nonlocal page
        own, token = WHERE[name]
        if own != page:
            out.extend((0, own))
            page = own
        if content in ("", []):
            out.append(token)
            return
        out.append(token | 0x40)
        if isinstance(content, str):
            out.extend(b"\x03" + content.encode() + b"\0")
        else:
            for child in content:
                put(*child)
        out.append(1)

    put(*tree)
    return bytes(out)


def request():
    collection = [("SyncKey", "{a8f2-1}17"), ("CollectionId", "5"), ("GetChanges", ""), ("WindowSize", "25")]
    return written(("Sync", [("Collections", [("Collection", collection)])]))


def mail(number):
    text = f"Dear colleague,\r\nthe minutes of meeting {number} lie at https://intranet.company.example/minutes/{number}.\r\n" + "All that was said is there; please read it before Friday.\r\n" * 9
    body = [("Type", "1"), ("EstimatedDataSize", str(len(text))), ("Data", text)]
    attachment = [("DisplayName", f"minutes-{number}.pdf"), ("FileReference", f"5:{number}:0"), ("Method", "1"), ("EstimatedDataSize", "48213")]
    return [("To", '"Alice" <alice@company.example>'), ("From", '"Bob" <bob@company.example>'), ("Subject", f"Minutes {number}"), ("DateReceived", "2026-01-15T09:30:00.000Z"),
            ("Read", "0"), ("MessageClass", "IPM.Note"), ("Body", body), ("Attachments", [("Attachment", attachment)])]


def answer(size):
    """At least so many octets."""
    mails = []
    while True:
        mails.append(("Add", [("ServerId", f"5:{len(mails) + 1}"), ("ApplicationData", mail(len(mails) + 1))]))
        collection = [("SyncKey", "{a8f2-1}18"), ("CollectionId", "5"), ("Status", "1"), ("Commands", mails)]
        octets = written(("Sync", [("Collections", [("Collection", collection)])]))
        if len(octets) >= size:
            return octets
