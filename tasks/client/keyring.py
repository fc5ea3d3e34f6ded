"""Fingerprints of the OpenPGP keys in an exported key or a keyring file, without running gpg."""

from __future__ import annotations

import base64
import hashlib

_PUBLIC_KEY = 6
_SECRET_KEYS = (5, 7)  # a key and a subkey


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

    Args:
        data: a binary export (`gpg --export`) or the keyring that libostree keeps for a remote.

    Returns:
        Fingerprints in upper-case hexadecimal, sorted, each once.

    Raises:
        ValueError: the data is not whole OpenPGP packets, or holds a key of a version other than 4.
    """
    found = set()
    try:
        packets = _packets(data)
    except IndexError:
        raise ValueError("an OpenPGP packet is cut off") from None
    for tag, body in packets:
        if tag != _PUBLIC_KEY:
            continue
        if not body or body[0] != 4:
            raise ValueError("a key that is not of version 4")
        # RFC 9580, 5.5.4.2: SHA-1 over 0x99, the length in two bytes, the packet's body.
        found.add(hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper())
    return sorted(found)


def dearmored(data: bytes) -> bytes:
    """Return OpenPGP data as binary, whether it is binary or armored.

    Raises:
        ValueError: it looks armored and is not.
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

    Raises:
        ValueError: the data is not whole OpenPGP packets.
    """
    try:
        return any(tag in _SECRET_KEYS for tag, _ in _packets(data))
    except IndexError:
        raise ValueError("an OpenPGP packet is cut off") from None
