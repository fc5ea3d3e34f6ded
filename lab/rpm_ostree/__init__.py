"""The lab's stand-in for rpm-ostree: what this project calls of it, over dnf and libostree.

It exists because Debian has no rpm-ostree, and it never leaves the lab. It prints what the real program
prints, says in --version what it is, and refuses whatever it does not implement.
"""

VERSION = "2025.7"
"""The release of rpm-ostree that this behaves as: from this one on, a compose makes the users of sysusers.d.

What it prints was recorded from 2025.1.
"""


def files() -> dict[str, tuple[bytes, int]]:
    """Return the stand-in as a machine has it: path -> (content, mode)."""
    # Not needed, and not there, where the program itself runs.
    from lab.rpm_ostree.archive import build

    return {"/usr/bin/rpm-ostree": (build(), 0o755)}
