"""Debian root file systems, made with mmdebstrap on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.errors import LabError

# Documentation and translations: half of the files of a minimal system, and nobody reads them in a lab.
_WITHOUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_TIMEOUT = 900


def root_tar(
    target: Path,
    suite: str,
    packages: Sequence[str],
    *options: str,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Write the root file system of a Debian with these packages into a tar file.

    + target: the tar file; it is there afterwards as a whole, or not at all
    + suite: name of the Debian release
    + packages: on top of the smallest Debian with apt
    + options: further ones of mmdebstrap, such as hooks
    + environment: variables for its hooks

    Raises LabError: mmdebstrap is missing or failed; the sentence has its own words.
    """
    if shutil.which("mmdebstrap") is None:
        raise LabError(
            "mmdebstrap is missing: every Debian of the lab is built with it (apt-get install mmdebstrap)"
        )
    unfinished = target.with_name(f"unfinished-{target.name}")
    command = [
        "mmdebstrap",
        "--mode=root" if os.geteuid() == 0 else "--mode=unshare",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _WITHOUT),
        '--aptopt=APT::Install-Recommends "false"',
        *options,
        suite,
        str(unfinished),
    ]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"mmdebstrap could not build Debian {suite}: {_complaints(done.stderr)}")
        unfinished.replace(target)
    except subprocess.TimeoutExpired:
        raise LabError(f"mmdebstrap did not finish Debian {suite} in {_TIMEOUT // 60} minutes") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _complaints(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "Err:", "W: Failed"))]
    return " | ".join((errors or lines)[-4:]) or "it printed nothing"
