"""tests/server in a container of the lab's server image: it runs beside the other tests, on the second core."""

from __future__ import annotations

import shlex

from lab.engine import LABEL
from tests.integration.driver import ROOT, Lab, Result, run

_FOLDER = "/opt"
# Repositories and keys are made in memory; /var/tmp is also where gates of one's own are run from.
_MEMORY = ("--tmpfs", "/var/tmp:exec,mode=1777", "--tmpfs", "/root:exec,mode=700")
# No CA but the tests' own: libcurl with GnuTLS reads every one there is for each connection (50 ms).
_NO_CAS = ("--tmpfs", "/etc/ssl/certs")
_TESTS = "python3 -m unittest discover -v -t . -s tests/server"


class ServerSuite:
    """One run of tests/server, begun at once and waited for at the end."""

    def __init__(self, lab: Lab) -> None:
        server = lab.state["server"]["container"]
        image = run(["docker", "inspect", "--format", "{{.Image}}", server]).out.strip()
        script = f"cd {_FOLDER} && TMPDIR=/var/tmp HOME=/root PYTHONDONTWRITEBYTECODE=1 exec nice {_TESTS}"
        created = run(
            [
                *("docker", "create", "--init", "--network", "none", "--cap-add", "SYS_PTRACE"),
                *("--label", f"{LABEL}={lab.name}", *_MEMORY, *_NO_CAS, "--entrypoint", "/bin/sh"),
                *(image, "-ec", script),
            ]
        )
        self.container = created.out.strip()
        for part in ("ostree_release", "tests"):
            run(["docker", "cp", "-q", str(ROOT / part), f"{self.container}:{_FOLDER}/{part}"])
        run(["docker", "start", self.container])

    def result(self, timeout: float) -> Result:
        """Wait for the end; returns the exit status and all that was printed. timeout: seconds."""
        code = run(["docker", "wait", self.container], timeout=timeout).out.strip()
        text = run(["/bin/sh", "-c", f"docker logs {shlex.quote(self.container)} 2>&1"]).out
        return Result(int(code), text, "")

    def remove(self) -> None:
        """Remove the container, also while it runs."""
        run(["docker", "rm", "-f", self.container], check=False)
