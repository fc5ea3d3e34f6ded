"""Row 7: the real httpd under clients that keep their connections, and the same httpd as it is installed.

Argument: {"clients": 500, "seconds": 20, "runs": 3}. Prints the row as JSON. The load is made on the
server itself: it takes its own part of the cores.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.inside import states
from bench.inside.load import load
from bench.inside.states import CONFIGURATION, DEV, TOP
from bench.measuring import Contender, Row, Sample, alternating, as_json, run

_OBJECTS = 1000
_STOCK_PORT = 8555
_PID_FILE = "/run/bench-httpd.pid"
_READY_SECONDS = 10
_TLS = "/etc/ostree-release/tls"
# Whatever a person may have added to the distribution's own, and ports that are taken.
_OMITTED = re.compile(
    r"^\s*(Include(Optional)?\s+(conf\.d|conf-enabled|sites-enabled|ports\.conf)|Listen\s|PidFile\s)"
)

# Where the distributions have httpd: its program, its main file, the environment that this needs.
_INSTALLED = (
    ("/usr/sbin/apache2", Path("/etc/apache2/apache2.conf"), "/etc/apache2/envvars", "apache2.service"),
    ("/usr/sbin/httpd", Path("/etc/httpd/conf/httpd.conf"), "/dev/null", "httpd.service"),
)
_STOCK = """
PidFile {pid_file}
Listen {port} https
<VirtualHost *:{port}>
    ServerName {name}:{port}
    SSLEngine on
    SSLCertificateFile {tls}/server.crt
    SSLCertificateKeyFile {tls}/server.key
    Alias {alias} {repository}
    <Directory {repository}>
        Require all granted
    </Directory>
</VirtualHost>
"""


def main(asked: dict[str, Any]) -> None:
    """Measure the row that is asked for."""
    print(json.dumps(as_json(_row(**asked))), flush=True)


def _row(clients: int, seconds: int, runs: int) -> Row:
    title = f"httpd, {clients} clients that keep their connections, {seconds} s"
    if not any(DEV.glob("objects/*/*.filez")):
        states.prepare(_OBJECTS, 0)
    dev = json.loads(CONFIGURATION.read_text(encoding="utf-8"))["environments"]["dev"]
    size, path = statistics.median_high((each.stat().st_size, each) for each in DEV.glob("objects/*/*.filez"))
    url = f"{dev['url']}/{path.relative_to(DEV)}"
    program, main_file, environment, unit = next(each for each in _INSTALLED if Path(each[0]).exists())

    def contender(name: str, url: str, pid: int, note: str) -> Contender:
        typed = f"{clients} clients of bench/inside/load.py on {url}"
        return Contender(name, typed, lambda: _loaded(url, clients, seconds, pid), note)

    real = int(run("systemctl", "show", "--property=MainPID", "--value", unit).stdout)
    with _stock(program, main_file, environment, dev["url"]) as (stock_url, stock):
        contenders = [
            contender("ours", url, real, f"an object of {size} bytes, with our file; CPU is httpd's"),
            contender(
                "without our file",
                url.replace(dev["url"], stock_url),
                stock,
                "the same httpd as it is installed, with a virtual host for TLS and the same directory",
            ),
        ]
        return alternating(title, contenders, runs)


def _loaded(url: str, clients: int, seconds: int, pid: int) -> Sample:
    before, began = _cpu(pid), time.monotonic()
    counted = load(url, clients, seconds, f"{_TLS}/ca.crt")
    return Sample(time.monotonic() - began, _cpu(pid) - before, counted)


@contextlib.contextmanager
def _stock(program: str, main_file: Path, environment: str, url: str) -> Iterator[tuple[str, int]]:
    """Run httpd beside the real one, without what was added to its files; yields its URL and process."""
    authority, _, alias = url.partition("://")[2].partition("/")
    name = authority.partition(":")[0]
    own = [line for line in main_file.read_text(encoding="utf-8").splitlines() if not _OMITTED.match(line)]
    configuration = TOP / "httpd.conf"
    places = {"alias": f"/{alias}", "repository": DEV, "tls": _TLS, "name": name}
    added = _STOCK.format(pid_file=_PID_FILE, port=_STOCK_PORT, **places)
    configuration.write_text("\n".join(own) + added, encoding="utf-8")
    root = main_file.parent if main_file.parent.name != "conf" else main_file.parent.parent
    httpd = f". {environment}; exec {program} -d {root} -f {configuration} -k"
    run("sh", "-ec", f"{httpd} start")
    try:
        end = time.monotonic() + _READY_SECONDS
        while not Path(_PID_FILE).exists() and time.monotonic() < end:
            time.sleep(0.1)
        yield f"https://{name}:{_STOCK_PORT}/{alias}", int(Path(_PID_FILE).read_text(encoding="utf-8"))
    finally:
        run("sh", "-ec", f"{httpd} stop")


def _cpu(pid: int) -> float:
    """Return the CPU that httpd has taken: its own, its children's, and that of those that have ended."""
    ticks = sum(_fields(pid)[11:15])
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = _fields(int(path.name))
            ticks += sum(fields[11:13]) if fields[1] == pid else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[int]:
    """Return a process's numbers: what stands behind its name and state, which may contain anything."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2]
    return [0, *map(int, text.split()[1:15])]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
