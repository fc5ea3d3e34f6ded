"""tests/server in a container of the lab's server image: it runs beside the labs, on what they leave of the cores."""

from __future__ import annotations

import os
import sys

from lab import bases, state
from lab.engine import Engine, Files
from tests.integration.driver import ROOT, Result

_FOLDER = "/opt"
_TMPFS = {
    # Repositories and keys are made in memory; /var/tmp is also where gates of one's own are run from.
    "/var/tmp": "exec,mode=1777",
    "/root": "exec,mode=700",
    # No CA but the tests' own: libcurl with GnuTLS reads every one there is for each connection (50 ms).
    "/etc/ssl/certs": "",
}
_TESTS = "python3 -m unittest discover -v -t . -s tests/server"


def run_suite(name: str, timeout: float) -> Result:
    """Run tests/server and remove its container, also one that an earlier run left.

    Args:
        name: of the lab that the container is labelled with.
        timeout: seconds that it may take.

    Returns:
        The exit status and all that was printed.
    """
    engine = Engine.connect()
    image = bases.ensure_image(engine, bases.choose(os.environ), lambda line: print(line, file=sys.stderr))
    engine.remove_lab(state.Lab(name))
    script = f"cd {_FOLDER} && TMPDIR=/var/tmp HOME=/root PYTHONDONTWRITEBYTECODE=1 exec nice {_TESTS} 2>&1"
    done = engine.finish(
        image,
        ["/bin/sh", "-ec", script],
        files=sources("ostree_release", "tests"),
        lab=state.Lab(name),
        timeout=timeout,
        init=True,
        cap_add=["SYS_PTRACE"],
        tmpfs=_TMPFS,
    )
    return Result(done.code, done.out, done.err)


def sources(*folders: str) -> Files:
    """Return the files of folders of this repository, as they are to be in the container."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {
        f"{_FOLDER}/{path.relative_to(ROOT)}": (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in found
        if "__pycache__" not in path.parts
    }
