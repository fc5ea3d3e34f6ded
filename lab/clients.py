"""Workstations: a golden installation made once, a copy for each client, and containers that boot them."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from lab import cache, keys, packages, rpm_ostree
from lab.engine import CLIENT_CAPABILITIES, DEVICES, Engine, MachineSpec
from lab.state import LOGINS, Lab, Machine

STATEROOT = "lab"
FACTORY_REF = f"lab/{platform.machine()}/factory"
_HERE = Path(__file__).resolve().parent
_BOOT_PROGRAM = "/usr/libexec/lab-boot"
_WORK = "/usr/local/lib/lab-clients"
_LOGIN_ID = 1000

_FACTORY = {
    "ref": FACTORY_REF,
    "repos": ["lab"],
    "packages": list(packages.CLIENT_PACKAGES),
    "selinux": False,
    "documentation": False,
    "boot-location": "modules",
    "tmp-is-dir": True,
    "preserve-passwd": False,
    "releasever": "44",
}
_FACTORY_REPOSITORY = "[lab]\nname=lab\nbaseurl=file:///packages/repository\ngpgcheck=0\n"

# As an installer does it: sysroot, first deployment, a login. /cache is the golden volume.
_INSTALL = f"""
set -eu
umask 022
sysroot=/cache
repository="$sysroot/ostree/repo"
ostree admin init-fs --modern "$sysroot"
ostree config --repo="$repository" set sysroot.bootloader none
ostree config --repo="$repository" set sysroot.readonly true
ostree admin os-init --sysroot="$sysroot" {STATEROOT}
# Where a vendor's images would come from; nothing answers there.
ostree remote add --repo="$repository" --no-gpg-verify lab https://factory.invalid/repo

mkdir "$sysroot/compose"
rpm-ostree compose tree --unified-core --repo="$repository" --cachedir="$sysroot/compose" \\
    --add-metadata-string=version=factory {_WORK}/factory.yaml
ostree refs --repo="$repository" --create=lab:{FACTORY_REF} {FACTORY_REF}
ostree refs --repo="$repository" --delete {FACTORY_REF}
rm -rf "$sysroot/compose"

ostree admin deploy --sysroot="$sysroot" --os={STATEROOT} --karg=root=LABEL=lab lab:{FACTORY_REF}
deployment=$(echo "$sysroot"/ostree/deploy/{STATEROOT}/deploy/*.0)
useradd --root "$deployment" --uid {_LOGIN_ID} --no-create-home \\
    --home-dir /var/home/{LOGINS["admin"]} --shell /bin/bash {LOGINS["admin"]}
# No password is set and none is accepted; without the asterisk sshd takes the login for a locked one.
usermod --root "$deployment" --password '*' {LOGINS["admin"]}
echo '{LOGINS["admin"]} ALL=(ALL:ALL) NOPASSWD: ALL' > "$deployment/etc/sudoers.d/lab-admin"
chmod 0440 "$deployment/etc/sudoers.d/lab-admin"
mkdir -p "$sysroot/boot/lab"
"""

# Objects and /usr are shared by hard links, as ostree itself shares them; what a machine writes is its own.
# All volumes lie in one mount here: no hard link crosses two.
_COPY = f"""
set -eu
golden=/volumes/$1/_data; shift
cd "$golden"
own=$(ls -d boot ostree/repo/* ostree/deploy/*/var \\
    ostree/deploy/*/deploy/*.0/etc ostree/deploy/*/deploy/*.origin | grep -v '/repo/objects$')
while [ $# -gt 0 ]; do
    name=$1; target=/volumes/$2/_data; shift 2
    cp -al ostree "$target/"
    (cd "$target" && rm -rf $own)
    cp -a --parents $own "$target/"
    deployment=$(echo "$target"/ostree/deploy/{STATEROOT}/deploy/*.0)
    cp {_WORK}/$name/ssh_host_* "$deployment/etc/ssh/"
    home="$target/ostree/deploy/{STATEROOT}/var/home/{LOGINS["admin"]}"
    mkdir -p "$home"
    install -d -m 0700 "$home/.ssh"
    cp {_WORK}/authorized_keys "$home/.ssh/"
    chown -R {_LOGIN_ID}:{_LOGIN_ID} "$home"
    chattr +i "$deployment"
    # Last: a copy without it is not whole.
    touch "$target/boot/lab/installed"
done
"""
_HAS_COPY = "[ -e /sysroot/boot/lab/installed ] && echo yes || echo no"


def up(engine: Engine, lab: Lab, image: str, machines: Sequence[Machine], say: Callable[[str], None]) -> None:
    """Make these clients run: each boots its own copy of the golden installation.

    + engine: where the lab runs
    + lab: whose clients
    + image: the server's image: helper containers and the clients' boot program start from it
    + machines: the clients; those that run already stay as they are
    + say: prints a line of progress
    """
    missing = [machine for machine in machines if engine.find(machine.container) is None]
    if missing:
        _copy_golden(engine, lab, image, missing, say)
    for number, machine in enumerate(machines, start=1):
        container = engine.find(machine.container) or engine.create_machine(
            lab, _spec(lab, image, machine, number)
        )
        if container.status != "running":
            engine.start(container)


def ensure_golden(engine: Engine, image: str, say: Callable[[str], None]) -> str:
    """Return the volume with a stock installation, making it if these packages were not installed before."""
    sources = [packages.packages_key(image), _INSTALL, json.dumps(_FACTORY), _FACTORY_REPOSITORY, image]
    golden = cache.Volume("golden", hashlib.sha256("\n".join(sources).encode()).hexdigest()[:12])
    built_from = packages.ensure_cache(engine, image, say)

    def install() -> None:
        say("installing the clients' first system")
        files = {
            f"{_WORK}/factory.yaml": (json.dumps(_FACTORY).encode(), 0o644),
            f"{_WORK}/lab.repo": (_FACTORY_REPOSITORY.encode(), 0o644),
        }
        engine.run(
            image,
            ["/bin/sh", "-c", _INSTALL],
            volumes={built_from: "/packages", golden.name: "/cache"},
            capabilities=CLIENT_CAPABILITIES,
            files={**files, **_composing_program(engine, image)},
            devices=DEVICES,
        )

    cache.ensure(engine, image, golden, install)
    return golden.name


def _copy_golden(
    engine: Engine, lab: Lab, image: str, machines: Sequence[Machine], say: Callable[[str], None]
) -> None:
    golden = ensure_golden(engine, image, say)
    files = {f"{_WORK}/authorized_keys": (f"{keys.user_key(lab).public}\n".encode(), 0o600)}
    arguments = [golden]
    for machine in machines:
        volume = _volume(lab, machine)
        if engine.has_volume(volume):
            whole = engine.run(image, ["/bin/sh", "-c", _HAS_COPY], volumes={volume: "/sysroot"}, lab=lab)
            if whole.strip() == "yes":
                continue
            cache.remove(engine, image, volume)
        engine.ensure_volume(lab, volume)
        arguments += [machine.name, volume]
        pair = keys.host_key_files(keys.host_key(lab, machine))
        files |= {f"{_WORK}/{machine.name}/{Path(path).name}": content for path, content in pair.items()}
    if len(arguments) > 1:
        say(f"copying the installation for {len(arguments) // 2} clients")
        folder = Path(engine.client.volumes.get(golden).attrs["Mountpoint"]).parent.parent
        engine.run(
            image,
            ["/bin/sh", "-c", _COPY, "sh", *arguments],
            volumes={str(folder): "/volumes"},
            capabilities=("LINUX_IMMUTABLE",),
            files=files,
            lab=lab,
        )


def _spec(lab: Lab, image: str, machine: Machine, number: int) -> MachineSpec:
    return MachineSpec(
        name=machine.container,
        image=image,
        hostname=machine.name,
        index=number,
        command=(_BOOT_PROGRAM,),
        capabilities=CLIENT_CAPABILITIES,
        volumes={_volume(lab, machine): "/sysroot"},
        files={_BOOT_PROGRAM: ((_HERE / "boot/lab_boot.py").read_bytes(), 0o755)},
        restart=True,
    )


def _volume(lab: Lab, machine: Machine) -> str:
    return lab.resource(f"{machine.name}-sysroot")


def _composing_program(engine: Engine, image: str) -> dict[str, tuple[bytes, int]]:
    """Return the stand-in for an image without rpm-ostree; where there is a real one, that composes."""
    script = "command -v rpm-ostree || true"
    return {} if engine.run(image, ["/bin/sh", "-c", script]).strip() else rpm_ostree.files()
