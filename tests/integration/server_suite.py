"""tests/server in a container of the lab's server image: it runs beside the labs, on what they leave of the cores."""

from __future__ import annotations

import os
import shlex
import sys

from lab import bases, state
from lab.engine import LABEL, Engine
from tests.integration.driver import ROOT, Result, run

_FOLDER = "/opt"
# Repositories and keys are made in memory; /var/tmp is also where gates of one's own are run from.
_MEMORY = ("--tmpfs", "/var/tmp:exec,mode=1777", "--tmpfs", "/root:exec,mode=700")
# No CA but the tests' own: libcurl with GnuTLS reads every one there is for each connection (50 ms).
_NO_CAS = ("--tmpfs", "/etc/ssl/certs")
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
    script = f"cd {_FOLDER} && TMPDIR=/var/tmp HOME=/root PYTHONDONTWRITEBYTECODE=1 exec nice {_TESTS}"
    created = run(
        [
            *("docker", "create", "--init", "--network", "none", "--cap-add", "SYS_PTRACE"),
            *("--label", f"{LABEL}={name}", *_MEMORY, *_NO_CAS, "--entrypoint", "/bin/sh"),
            *(image, "-ec", script),
        ]
    )
    container = created.out.strip()
    try:
        for part in ("ostree_release", "tests"):
            run(["docker", "cp", "-q", str(ROOT / part), f"{container}:{_FOLDER}/{part}"])
        run(["docker", "start", container])
        code = run(["docker", "wait", container], timeout=timeout).out.strip()
        text = run(["/bin/sh", "-c", f"docker logs {shlex.quote(container)} 2>&1"]).out
        return Result(int(code), text, "")
    finally:
        run(["docker", "rm", "-f", container], check=False)
