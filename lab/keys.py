"""SSH keys of a lab: one for the person, one per machine, all made before the first boot."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab.network import LOOPBACK
from lab.state import Lab, Machine


@dataclass(frozen=True)
class KeyPair:
    """An ed25519 key as OpenSSH writes it: the private file's text, and the public line."""

    private: str
    public: str


def user_key_file(lab: Lab) -> Path:
    """Return where the key lies that logs in everywhere in the lab."""
    return lab.folder / "ssh" / "id_ed25519"


def known_hosts_file(lab: Lab) -> Path:
    """Return where the host keys of the lab's machines are listed."""
    return lab.folder / "ssh" / "known_hosts"


def user_key(lab: Lab) -> KeyPair:
    """Return the key that logs in everywhere in the lab, making it at first use."""
    return _kept(user_key_file(lab), f"lab {lab.name}")


def host_key(lab: Lab, machine: Machine) -> KeyPair:
    """Return a machine's host key, making it at first use; install it before the first boot."""
    return _kept(lab.folder / "ssh" / f"host_{machine.name}", machine.container)


def known_hosts_line(machine: Machine, public: str) -> str:
    """Return the known_hosts line of a machine, as SSH clients look it up: by published address and port."""
    kind, key = public.split()[:2]
    return f"[{LOOPBACK}]:{machine.port} {kind} {key}"


def write_known_hosts(lab: Lab, machines: Iterable[Machine]) -> None:
    """List the host keys of these machines, and of no others."""
    lines = [known_hosts_line(machine, host_key(lab, machine).public) for machine in machines]
    known_hosts_file(lab).write_text("".join(f"{line}\n" for line in lines))


def host_key_files(pair: KeyPair) -> dict[str, tuple[bytes, int]]:
    """Return a host key as files for `Engine.create`: path -> (content, mode)."""
    return {
        "/etc/ssh/ssh_host_ed25519_key": (pair.private.encode(), 0o600),
        "/etc/ssh/ssh_host_ed25519_key.pub": (f"{pair.public}\n".encode(), 0o644),
    }


def _kept(path: Path, comment: str) -> KeyPair:
    public_path = path.with_name(f"{path.name}.pub")
    if not public_path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        pair = _generate(comment)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(pair.private)
        # The public half comes last: its presence says that the private one is whole.
        public_path.write_text(f"{pair.public}\n")
    return KeyPair(path.read_text(), public_path.read_text().strip())


def _generate(comment: str) -> KeyPair:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return KeyPair(private.decode(), f"{public.decode()} {comment}")
