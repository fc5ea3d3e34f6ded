"""The stations of the road: states of the lab that are reached once and set back to whenever a test needs one.

A file of tests starts from exactly one of them, whatever ran before it, and nothing that it does is left to the
next one. Going the road is real: deploy.py, a compose, two promotions, a rebase with reboots.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import state, up
from lab.state import Machine
from tests.integration.driver import Lab

_INSIDE = Path(__file__).parent / "inside"
_SERVER = (_INSIDE / "station.sh").read_text()
_CLIENTS = (_INSIDE / "client_station.sh").read_text()
_BOOT_SECONDS = 60

# Station -> what leads there from the station before it.
ROAD: Mapping[str, tuple[str, ...]] = {
    "deployed": ("deploy.py", "-y"),
    "composed": ("tasks/compose.py", "-y"),
    "piloted": ("promote.py", "-y"),
    "released": ("promote.py", "-y", "--data", "ring=stable"),
    "followed": ("tasks/rebase.py", "-y", "--data", "reboot=yes"),
}
WITH_CLIENTS = "followed"
"""The one station that workstations have come to as well."""

# What deploy.py declares outside of the state that is kept: a file of tests leaves it as it was. The folder of the
# CI's keys stays, empty, after the last one is gone.
_SETTINGS = """
cd /
for place in etc/ostree-release etc/rpm-ostree etc/sudoers.d etc/systemd/system etc/tmpfiles.d etc/polkit-1 etc/ssh \
    etc/apache2 etc/httpd etc/firewalld usr/libexec/ostree-release usr/sbin/ostree-release; do
    [ ! -e $place ] || find $place -not -name '*.old' -not -path etc/ostree-release/ci
done | sort >/tmp/settings
xargs -d '\\n' stat -c '%N %U:%G %a' -- </tmp/settings
xargs -d '\\n' sha256sum -- </tmp/settings 2>/dev/null || true
"""
_PROOF = """
ostree-release verify
for repository in /srv/ostree/rpm-ostree/*/config; do
    case $repository in */dev/*) bindings= ;; *) bindings=--verify-bindings ;; esac
    ostree --repo=${repository%/config} fsck --quiet $bindings
done
"""


class Stations:
    """The stations of one lab, of which it may be at one, untouched."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._at: str | None = None
        self._clients_are_there = False

    def hand_over(self, name: str) -> Lab:
        """Return the lab at a station, to do anything with."""
        self._bring_to(name)
        self._at = None
        self._clients_are_there = self._clients_are_there and name != WITH_CLIENTS
        return self.lab

    def start_anew_if_changed(self) -> None:
        """Deploy on a lab of an earlier run; forget its stations if the server then is not what they were kept of."""
        if self._is_kept(next(iter(ROAD))):
            self.lab.pyinfra(*ROAD["deployed"])
            if self._settings() != self.lab.server("cat /srv/stations/settings").out:
                self.lab.server("rm -rf /srv/stations")

    def take_back(self) -> None:
        """Fail unless all that was done to the server can be proven, and its settings are as they were."""
        proof = self.lab.server(_PROOF, check=False)
        before = self.lab.server("cat /srv/stations/settings").out.splitlines()
        changed = sorted({*before} ^ {*self._settings().splitlines()})
        if changed:
            self.lab.pyinfra("deploy.py", "-y")  # so that the next file of tests does not suffer for this one
        assert proof.code == 0, proof.text
        assert not changed, f"this file of tests did not put the server's settings back: {changed}"

    def _bring_to(self, name: str) -> None:
        if self._at == name:
            return
        self._at = None
        if self._is_kept(name):
            self._server("set-back", name)
            if name == WITH_CLIENTS and not self._clients_are_there:
                self._clients("set-back")
        else:
            self._go_to(name)
        self._clients_are_there = self._clients_are_there or name == WITH_CLIENTS
        self._at = name

    def _go_to(self, name: str) -> None:
        names = list(ROAD)
        if name != names[0]:
            self._bring_to(names[names.index(name) - 1])
            self._at = None
        self.lab.pyinfra(*ROAD[name])
        if name == names[0]:
            self.lab.server("mkdir -p /srv/stations; cat > /srv/stations/settings", stdin=self._settings())
        if name == WITH_CLIENTS:
            self._clients("keep")
        self._server("keep", name)

    def _is_kept(self, name: str) -> bool:
        return self.lab.server(f"test -e /srv/stations/{name}/complete", check=False).code == 0

    def _settings(self) -> str:
        return self.lab.server(_SETTINGS).out

    def _server(self, action: str, name: str) -> None:
        self.lab.server(f"sh -s {action} {name}", stdin=_SERVER)

    def _clients(self, action: str) -> None:
        """Switch the clients off, keep their disks or set them back, and let them boot.

        What is to be kept is switched off in order; what is thrown away is cut off.
        """
        engine, lab = self.lab.engine, state.Lab(self.lab.name)
        found = state.read(lab)
        containers = [engine.client.containers.get(client.container) for client in found.clients]
        with ThreadPoolExecutor(len(containers)) as pool:
            list(
                pool.map(lambda container: container.stop(timeout=30 if action == "keep" else 0), containers)
            )
        arguments = []
        for client in found.clients:
            disk = lab.resource(f"{client.name}-sysroot")
            engine.ensure_volume(lab, f"{disk}-kept")
            arguments += [disk, f"{disk}-kept"]
        folder = Path(engine.client.volumes.get(arguments[0]).attrs["Mountpoint"]).parent.parent
        engine.run(
            found.image,
            ["/bin/sh", "-c", _CLIENTS, "sh", action, *arguments],
            volumes={str(folder): "/volumes"},
            capabilities=("LINUX_IMMUTABLE",),
            lab=lab,
        )

        def boot(client: Machine) -> None:
            engine.start(engine.client.containers.get(client.container))
            up.wait(engine, lab, client, _BOOT_SECONDS)

        with ThreadPoolExecutor(len(containers)) as pool:
            list(pool.map(boot, found.clients))
