"""Keys and the served certificate that expire soon: what nobody renews in time stops every client at once."""

from __future__ import annotations

import ssl
from pathlib import Path

from .. import clock, programs
from ..config import Config
from ..model import following
from ..text import command
from . import gpg

_AHEAD = 30 * 86400  # seconds


def warnings(config: Config) -> list[str]:
    """Return one line for each key and certificate that expires within 30 days, or has."""
    now = clock.now()
    found = []
    for environment in config.environments:
        for key in gpg.keys(environment.public_key):
            if key.expires is not None and key.expires < now + _AHEAD:
                found.append(
                    f"key {key.fingerprint} of {environment.name} {_when(key.expires, now)}: clients refuse "
                    f"what it signed then: introduce another ({command(following('keys', environment.name))})"
                )
    certificate = config.certificate
    try:
        expires = _expiry(certificate) if certificate else None
    except ValueError as error:
        found.append(f"certificate {certificate}: openssl does not say when it expires: {error}")
        expires = None
    if expires is not None and expires < now + _AHEAD:
        found.append(
            f"certificate {certificate} {_when(expires, now)}: clients cannot connect then: renew it "
            "(systemctl status ostree-release-certificate.timer, if deploy.py made it)"
        )
    return found


def _when(expires: int, now: int) -> str:
    days = (expires - now) // 86400
    return "HAS EXPIRED" if expires <= now else f"expires in {days} day{'' if days == 1 else 's'}"


def _expiry(certificate: Path) -> int | None:
    """Return when a certificate expires, in seconds since 1970; None where this user cannot read it.

    Raises ValueError where openssl says something else.
    """
    command = ("openssl", "x509", "-in", str(certificate), "-noout", "-enddate")
    try:
        done = programs.run(*command)
    except FileNotFoundError:
        return None
    return ssl.cert_time_to_seconds(done.stdout.strip().partition("=")[2]) if not done.returncode else None
