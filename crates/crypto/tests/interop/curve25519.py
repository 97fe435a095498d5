"""CMS with Ed25519 and X25519 as its standards have it (RFC 5652, RFC 8418, RFC 8419), read and written beside the product.

verify CONTENT CMS CERTIFICATE | open CMS PKCS8 | seal CONTENT CERTIFICATE hkdf|hkdf-ukm|x963
"""
import hashlib, os, sys
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap


def read(octets, at=0):
    """Tag, content, and where the next element begins; definite lengths."""
    tag, length, start = octets[at], octets[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(octets[start:start + count], "big"), start + count
    return tag, octets[start:start + length], start + length


def children(octets):
    at, found = 0, []
    while at < len(octets):
        tag, content, end = read(octets, at)
        found.append((tag, content, octets[at:end]))
        at = end
    return found


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(length)]) + length + body


def oid(*numbers):
    body = bytes([numbers[0] * 40 + numbers[1]])
    for number in numbers[2:]:
        octets = [number & 0x7F]
        while number := number >> 7:
            octets.insert(0, 0x80 | number & 0x7F)
        body += bytes(octets)
    return tlv(0x06, body)


WRAP = tlv(0x30, oid(2, 16, 840, 1, 101, 3, 4, 1, 45))
SCHEMES = {"hkdf": oid(1, 2, 840, 113549, 1, 9, 16, 3, 19), "x963": oid(1, 3, 132, 1, 11, 1)}


def wrapping_key(secret, wrap, ukm, scheme):
    entity = tlv(0xA0, tlv(0x04, ukm)) if ukm is not None else b""
    info = tlv(0x30, wrap, entity, tlv(0xA2, tlv(0x04, (256).to_bytes(4, "big"))))
    if scheme == "x963":
        return X963KDF(hashes.SHA256(), 32, info).derive(secret)
    return HKDF(hashes.SHA256(), 32, ukm, info).derive(secret)


def verify(content, cms, certificate):
    data = children(children(children(children(cms)[0][1])[1][1])[0][1])
    info = children(children(data[-1][1])[0][1])
    attributes = next(whole for tag, _, whole in info if tag == 0xA0)
    signature = next(body for tag, body, _ in info if tag == 0x04)
    digest = oid(1, 2, 840, 113549, 1, 9, 4) + tlv(0x31, tlv(0x04, hashlib.sha512(content).digest()))
    if digest not in attributes:
        return "changed"
    try:
        x509.load_der_x509_certificate(certificate).public_key().verify(signature, b"\x31" + attributes[1:])
    except InvalidSignature:
        return "wrong"
    return "good"


def unseal(cms, key):
    data = children(children(children(children(cms)[0][1])[1][1])[0][1])
    agreement = children(children(data[1][1])[0][1])
    point = children(children(agreement[1][1])[0][1])[1][1][1:]
    algorithm, keys = agreement[-2][1], agreement[-1][1]
    wrap = children(algorithm)[1][2]
    wrapped = children(children(keys)[0][1])[1][1]
    secret = serialization.load_der_private_key(key, None).exchange(X25519PublicKey.from_public_bytes(point))
    assert children(algorithm)[0][2] == SCHEMES["hkdf"] and wrap == WRAP
    content_key = aes_key_unwrap(wrapping_key(secret, wrap, None, "hkdf"), wrapped)
    encrypted = children(data[2][1])
    vector = children(encrypted[1][1])[1][1]
    decryptor = Cipher(algorithms.AES(content_key), modes.CBC(vector)).decryptor()
    plain = decryptor.update(encrypted[2][1]) + decryptor.finalize()
    return plain[:-plain[-1]]


def seal(content, certificate, way):
    scheme, ukm = way.split("-")[0], os.urandom(64) if way.endswith("ukm") else None
    reader = x509.load_der_x509_certificate(certificate)
    fresh, content_key, vector = X25519PrivateKey.generate(), os.urandom(32), os.urandom(16)
    key = wrapping_key(fresh.exchange(reader.public_key()), WRAP, ukm, scheme)
    point = fresh.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    originator = tlv(0xA0, tlv(0xA1, tlv(0x30, oid(1, 3, 101, 110)), tlv(0x03, b"\0", point)))
    serial = reader.serial_number.to_bytes(reader.serial_number.bit_length() // 8 + 1, "big")
    name = tlv(0x30, reader.issuer.public_bytes(), tlv(0x02, serial))
    keys = tlv(0x30, tlv(0x30, name, tlv(0x04, aes_key_wrap(key, content_key))))
    material = tlv(0xA1, tlv(0x04, ukm)) if ukm is not None else b""
    info = tlv(0xA1, tlv(0x02, b"\3"), originator, material, tlv(0x30, SCHEMES[scheme], WRAP), keys)
    padding = 16 - len(content) % 16
    encryptor = Cipher(algorithms.AES(content_key), modes.CBC(vector)).encryptor()
    sealed = encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()
    cipher = tlv(0x30, oid(2, 16, 840, 1, 101, 3, 4, 1, 42), tlv(0x04, vector))
    encrypted = tlv(0x30, oid(1, 2, 840, 113549, 1, 7, 1), cipher, tlv(0x80, sealed))
    data = tlv(0x30, tlv(0x02, b"\2"), tlv(0x31, info), encrypted)
    return tlv(0x30, oid(1, 2, 840, 113549, 1, 7, 3), tlv(0xA0, data))


def main(verb, *arguments):
    files = [open(name, "rb").read() if os.path.exists(name) else name for name in arguments]
    answer = {"verify": verify, "open": unseal, "seal": seal}[verb](*files)
    sys.stdout.buffer.write(answer if isinstance(answer, bytes) else answer.encode())


main(*sys.argv[1:])
