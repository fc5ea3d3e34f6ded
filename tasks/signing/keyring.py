"""Fingerprints of the OpenPGP keys in an exported key or a keyring file, without running gpg."""

import base64
import hashlib
from dataclasses import dataclass

_PUBLIC_KEY = 6
_SECRET_KEY = 5
_SECRET_KEYS = (_SECRET_KEY, 7)  # a key and a subkey
# What an algorithm's public part has after version, time and algorithm (RFC 9580, 5.5.2 and 5.5.5): how many
# numbers of any length; a curve's name comes first; or so many bytes.
_NUMBERS = {1: 2, 3: 2, 16: 3, 17: 4, 19: 1, 22: 1}
_CURVES = (19, 22)
_BYTES = {27: 32, 28: 57}


@dataclass(frozen=True)
class PrimaryKey:
    """A primary key of an export.

    + secret: whether its secret part is there too, which may be locked

    + locked: with a passphrase, or only on a card
    """

    fingerprint: str
    secret: bool = False
    locked: bool = False


def _packets(data: bytes) -> list[tuple[int, bytes]]:
    """Split an OpenPGP stream into tags and bodies (RFC 9580, 4.2)."""
    packets = []
    position = 0
    while position < len(data):
        header = data[position]
        position += 1
        if not header & 0x80:
            raise ValueError("not an OpenPGP packet")
        if header & 0x40:
            tag = header & 0x3F
            first = data[position]
            if first < 192:
                length, position = first, position + 1
            elif first < 224:
                length, position = ((first - 192) << 8) + data[position + 1] + 192, position + 2
            elif first == 255:
                length, position = int.from_bytes(data[position + 1 : position + 5], "big"), position + 5
            else:
                raise ValueError("an OpenPGP packet of partial length")
        else:
            tag = (header >> 2) & 0x0F
            size = 1 << (header & 3)
            if size == 8:
                raise ValueError("an OpenPGP packet of indeterminate length")
            length, position = int.from_bytes(data[position : position + size], "big"), position + size
        body = data[position : position + length]
        if len(body) != length:
            raise ValueError("an OpenPGP packet is cut off")
        packets.append((tag, body))
        position += length
    return packets


def fingerprints(data: bytes) -> list[str]:
    """Return the fingerprints of the primary public keys in binary OpenPGP data.

    + data: a binary export (`gpg --export`) or the keyring that libostree keeps for a remote

    Returns Fingerprints in upper-case hexadecimal, sorted, each once.

    Raises ValueError: the data is not whole OpenPGP packets, or holds a key of a version other than 4.
    """
    return sorted({key.fingerprint for key in primary_keys(data) if not key.secret})


def primary_keys(data: bytes) -> list[PrimaryKey]:
    """Return the primary keys in binary OpenPGP data, in their order.

    + data: a binary export (`gpg --export` or `gpg --export-secret-keys`)

    Raises ValueError: the data is not whole OpenPGP packets, or holds a key of a version other than 4.
    """
    try:
        return [_primary(tag, body) for tag, body in _packets(data) if tag in (_PUBLIC_KEY, _SECRET_KEY)]
    except IndexError:
        raise ValueError("an OpenPGP packet is cut off") from None


def _primary(tag: int, body: bytes) -> PrimaryKey:
    if not body or body[0] != 4:
        raise ValueError("a key that is not of version 4")
    if tag == _PUBLIC_KEY:
        return PrimaryKey(_fingerprint(body))
    end = _end_of_public_part(body)
    return PrimaryKey(_fingerprint(body[:end]), secret=True, locked=body[end] != 0)


def _fingerprint(public: bytes) -> str:
    # RFC 9580, 5.5.4.2: SHA-1 over 0x99, the length in two bytes, the packet's body.
    return hashlib.sha1(b"\x99" + len(public).to_bytes(2, "big") + public).hexdigest().upper()


def _end_of_public_part(body: bytes) -> int:
    """Return where, in the body of a secret key, the public key ends and the byte about its protection is."""
    algorithm, position = body[5], 6
    if algorithm in _BYTES:
        return position + _BYTES[algorithm]
    if algorithm not in _NUMBERS:
        raise ValueError(f"a key of algorithm {algorithm}, which cannot sign")
    if algorithm in _CURVES:
        position += 1 + body[position]
    for _ in range(_NUMBERS[algorithm]):
        position += 2 + (int.from_bytes(body[position : position + 2], "big") + 7) // 8
    return position


def dearmored(data: bytes) -> bytes:
    """Return OpenPGP data as binary, whether it is binary or armored.

    Raises ValueError: it looks armored and is not.
    """
    text = data.strip()
    if not text.startswith(b"-----BEGIN PGP "):
        return data
    header, blank, rest = text.replace(b"\r\n", b"\n").partition(b"\n\n")
    body, end, _ = rest.partition(b"-----END PGP ")
    if not blank or not end or header.count(b"-----BEGIN") != 1:
        raise ValueError("an OpenPGP armor without its end")
    lines = [line for line in body.split() if not line.startswith(b"=")]  # the last one is a checksum
    return base64.b64decode(b"".join(lines), validate=True)


def has_secret(data: bytes) -> bool:
    """Say whether binary OpenPGP data has any secret key in it.

    Raises ValueError: the data is not whole OpenPGP packets.
    """
    try:
        return any(tag in _SECRET_KEYS for tag, _ in _packets(data))
    except IndexError:
        raise ValueError("an OpenPGP packet is cut off") from None
