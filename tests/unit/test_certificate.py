"""The script that keeps the server's certificate, on real openssl: what it makes, and what it finds due."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tasks.server.platforms import DEBIAN
from tasks.server.tls import certificate_script
from tasks.settings.load import server_settings
from tests.unit.settings_cases import valid

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

# The machine has an address of each kind, and whoever runs the tests stands for root.
MACHINE = {
    "ip": """#!/bin/sh
cat <<'END'
1: eth0    inet 192.0.2.7/24 brd 192.0.2.255 scope global eth0
1: eth0    inet6 2001:db8::7/64 scope global temporary dynamic
1: eth0    inet6 2001:db8::a:7/64 scope global
END
""",
    "stat": '#!/bin/sh\nPATH=${PATH#*:}; stat "$@" | sed "s/ $(id -un)$/ root/"\n',
    "chown": "#!/bin/sh\n",
    "systemctl": '#!/bin/sh\necho "$@" >>"$FOLDER/reloaded"\n',
}


class Server:
    """A machine with the script."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("bin", "tls", "published"):
            (folder / name).mkdir()
        for name, text in MACHINE.items():
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        script = certificate_script(server_settings(valid(ostree_public_name="Images.example.org")), DEBIAN)
        for line in script.splitlines():
            if line.startswith("directory="):
                script = script.replace(line, f"directory={folder}/tls")
            elif line.startswith("published="):
                script = script.replace(line, f"published={folder}/published/ca.crt")
        (folder / "script").write_text(script)

    def run(self, script: str) -> list[str]:
        path = f"{self.folder}/bin:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "FOLDER": str(self.folder)}
        done = subprocess.run(
            ["sh", "-c", script], cwd=self.folder / "tls", env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return [line.replace(str(self.folder), "") for line in done.stdout.splitlines()]

    def due(self) -> list[str]:
        return self.run("sh ../script --check")

    def keep(self) -> list[str]:
        return self.run("sh ../script")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server that each test leaves mended."""
    found = Server(tmp_path_factory.mktemp("server"))
    assert found.due() == ["there is no CA", "there is no server certificate"]
    found.keep()
    return found


ISSUE = (
    "openssl x509 -in server.crt -x509toreq -signkey server.key -out request 2>/dev/null &&"
    " printf 'subjectAltName = {names}\\n' >names && openssl x509 -req -in request -CA ca.crt -CAkey ca.key"
    " -set_serial 7 -days {days} -extfile names -out server.crt 2>/dev/null; rm request names"
)
NAMES = "DNS:images.EXAMPLE.org, IP:192.0.2.7, IP:2001:0db8::a:0007"
ANOTHER = "openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {0} && chmod 600 {0}"
TOGETHER = "the server's certificate and key do not belong together"
ISSUER = "the CA has not issued the server's certificate"
SOON = "the server's certificate expires within 30 days"
UNNAMED = "the server's certificate does not name"


@pytest.mark.parametrize(
    ("breakage", "due"),
    [
        ("rm server.crt", ["there is no server certificate"]),
        ("rm server.key", ["there is no server certificate"]),
        (ANOTHER.format("server.key"), [TOGETHER]),
        ("echo damaged >server.key", [TOGETHER]),
        ("echo damaged >server.crt", [TOGETHER]),
        (ISSUE.format(names=NAMES, days=31), []),
        (ISSUE.format(names=NAMES, days=29), [SOON]),
        (
            ISSUE.format(names="IP:192.0.2.7, DNS:other.org", days=365),
            [f"{UNNAMED} DNS:images.example.org", f"{UNNAMED} IP:2001:db8::a:7"],
        ),
        (
            "openssl req -x509 -key ca.key -subj /CN=other -days 9 -out ca.crt && cp ca.crt ../published",
            [ISSUER],
        ),
        ("chmod 640 ca.key", ["/tls/ca.key is readable for others than root"]),
        ("chmod 600 server.crt", ["/tls/server.crt is not readable for everybody"]),
        ("rm ../published/ca.crt", ["/published/ca.crt is not the CA's certificate"]),
        ("echo >>../published/ca.crt", ["/published/ca.crt is not the CA's certificate"]),
    ],
)
def test_what_is_due_is_said_and_mended(server: Server, breakage: str, due: list[str]) -> None:
    server.run(breakage)
    assert server.due() == due
    server.keep()
    assert server.due() == []


def test_what_lasts_and_fits_is_left_as_it_is(server: Server) -> None:
    before = server.run("cat *.crt *.key ../reloaded")
    assert server.due() == []
    server.keep()
    assert server.run("cat *.crt *.key ../reloaded") == before
    assert before[-1] == "try-reload-or-restart apache2.service"
