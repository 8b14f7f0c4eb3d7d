"""OpenPGP keys and clearsigned text, made without any tool from 32 secret bytes.

Ed25519 as in RFC 8032, packets as in RFC 4880 with the EdDSA of GnuPG (algorithm 22). For tests only.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import struct
from dataclasses import dataclass

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
OID = bytes.fromhex("092b06010401da470f01")
EDDSA, SHA256, SHA1 = 22, 8, 2
Point = tuple[int, int, int, int]


def add(a: Point, b: Point) -> Point:
    """The sum of two points of the curve, in extended coordinates."""
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    """A point, multiplied by a scalar."""
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def base_point() -> Point:
    """The curve's generator."""
    y = 4 * pow(5, P - 2, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


BASE = base_point()


def packed(point: Point) -> bytes:
    """A point's 32 bytes."""
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


@functools.cache
def public(scalar: int) -> bytes:
    """The public key of a secret number."""
    return packed(times(scalar, BASE))


def packet(tag: int, body: bytes) -> bytes:
    """A packet with a length of four bytes."""
    return bytes([0xC0 | tag, 0xFF]) + struct.pack(">I", len(body)) + body


def mpi(number: bytes) -> bytes:
    """A number as OpenPGP writes it."""
    value = int.from_bytes(number, "big")
    return struct.pack(">H", value.bit_length()) + value.to_bytes((value.bit_length() + 7) // 8, "big")


def subpacket(kind: int, body: bytes) -> bytes:
    """A short subpacket of a signature."""
    return bytes([len(body) + 1, kind]) + body


def crc24(data: bytes) -> bytes:
    """The armour's checksum, which older tools ask for."""
    value = 0xB704CE
    for byte in data:
        value ^= byte << 16
        for _ in range(8):
            value = value << 1 ^ (0x1864CFB if value & 0x800000 else 0)
    return (value & 0xFFFFFF).to_bytes(3, "big")


@dataclass(frozen=True)
class Key:
    """A key of these 32 secret bytes, made at a time (seconds since 1970); `life` is in seconds, 0 for ever."""

    secret: bytes
    made: int = 1_700_000_000
    name: str = "Nobody <nobody@example.org>"
    life: int = 0

    @property
    def _scalar(self) -> int:
        value = int.from_bytes(hashlib.sha512(self.secret).digest()[:32], "little")
        return value & ((1 << 254) - 8) | (1 << 254)

    @property
    def _public(self) -> bytes:
        return public(self._scalar)

    @property
    def _body(self) -> bytes:
        return b"\4" + struct.pack(">I", self.made) + bytes([EDDSA]) + OID + mpi(b"\x40" + self._public)

    @property
    def _hashed_key(self) -> bytes:
        return b"\x99" + struct.pack(">H", len(self._body)) + self._body

    @property
    def fingerprint(self) -> bytes:
        """Its 20 bytes."""
        return hashlib.sha1(self._hashed_key).digest()

    def keyring(self) -> bytes:
        """The public key with its self-signed name, as in a keyring file."""
        name = self.name.encode()
        more = subpacket(27, b"\3") + (subpacket(9, struct.pack(">I", self.life)) if self.life else b"")
        what = self._hashed_key + b"\xb4" + struct.pack(">I", len(name)) + name
        return packet(6, self._body) + packet(13, name) + self._signature(0x13, what, self.made, SHA256, more)

    def _sign(self, digest: bytes) -> bytes:
        prefix = hashlib.sha512(self.secret).digest()[32:]
        nonce = int.from_bytes(hashlib.sha512(prefix + digest).digest(), "little") % ORDER
        point = packed(times(nonce, BASE))
        challenge = int.from_bytes(hashlib.sha512(point + self._public + digest).digest(), "little")
        return point + ((nonce + challenge * self._scalar) % ORDER).to_bytes(32, "little")

    def _signature(self, kind: int, what: bytes, time: int, digest: int, more: bytes = b"") -> bytes:
        hashed = subpacket(2, struct.pack(">I", time)) + more + subpacket(33, b"\4" + self.fingerprint)
        head = bytes([4, kind, EDDSA, digest]) + struct.pack(">H", len(hashed)) + hashed
        whole = what + head + b"\4\xff" + struct.pack(">I", len(head))
        hashed_whole = (hashlib.sha1 if digest == SHA1 else hashlib.sha256)(whole).digest()
        signed = self._sign(hashed_whole)
        loose = subpacket(16, self.fingerprint[-8:])
        tail = struct.pack(">H", len(loose)) + loose + hashed_whole[:2] + mpi(signed[:32]) + mpi(signed[32:])
        return packet(2, head + tail)

    def clearsigned(self, text: str, *, time: int = 1_700_000_100, digest: int = SHA256) -> str:
        """The text (no line may begin with a dash) as a clearsigned message."""
        canonical = "\r\n".join(line.rstrip(" \t") for line in text.rstrip("\n").split("\n"))
        raw = self._signature(1, canonical.encode(), time, digest)
        signature = base64.encodebytes(raw).decode() + "=" + base64.b64encode(crc24(raw)).decode() + "\n"
        hash_name = "SHA1" if digest == SHA1 else "SHA256"
        return (
            f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: {hash_name}\n\n{text.rstrip(chr(10))}\n"
            f"-----BEGIN PGP SIGNATURE-----\n\n{signature}-----END PGP SIGNATURE-----\n"
        )
