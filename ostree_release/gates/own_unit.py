"""The unit that one gate of the user's own runs in, by the identifier of the run.

`ostree-prod` is not root: a polkit rule lets it start and stop units of this name, and no others.
"""

from __future__ import annotations

import subprocess


def start(run_id: str) -> str | None:
    """Start the unit; returns why it could not be started, or None."""
    done = _systemctl("start", _name(run_id))
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.split()) or f"systemctl ended with exit status {done.returncode}"


def stop(run_id: str) -> None:
    """End everything that runs in the unit, and wait for that; one that has ended is fine."""
    _systemctl("stop", _name(run_id))


def is_active(run_id: str) -> bool:
    """Say whether something runs in the unit."""
    shown = _systemctl("show", "--property=ActiveState", "--value", _name(run_id))
    return shown.stdout.strip() not in ("inactive", "failed", "")


def _name(run_id: str) -> str:
    return f"ostree-release-gate@{run_id}.service"


def _systemctl(verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemctl", "--no-ask-password", verb, *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
