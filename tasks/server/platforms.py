"""What differs between the systems a server may run, as data: nothing else in this project branches on it."""

from dataclasses import dataclass

from tasks.facts.operating_system import MachineState

SUPPORTED = "a server is Fedora, RHEL 9 or 10 or a relative of them, or Debian 12 or 13"


@dataclass(frozen=True)
class Httpd:
    """Apache's httpd: its unit, where our files go, links that switch things on, and how it is tested.

    + limits: file of what concerns the whole server, beside the links that switch it on
    """

    unit: str
    configuration: str
    links: tuple[tuple[str, str], ...]
    limits: str
    limits_links: tuple[tuple[str, str], ...]
    log_directory: str
    test: str
    # Ports that the distribution's own configuration listens on, where a second Listen would be an error.
    listens: tuple[int, ...]


@dataclass(frozen=True)
class Platform:
    """One family of systems.

    `installed` prints those of the packages put into it that are installed, one a line; `install` installs
    those put into it. `compose_packages` is None where there is no package of rpm-ostree. `sshd` is the unit
    of the SSH server.
    """

    name: str
    installed: str
    install: str
    packages: tuple[str, ...]
    compose_packages: tuple[str, ...] | None
    selinux_packages: tuple[str, ...]
    httpd: Httpd
    sshd: str


# mod_ssl's own virtual host needs a certificate that httpd-init makes before httpd's first start. systemctl
# says only that it failed; why is in the journal, in what the unit's own processes have said.
HTTPD_INIT = """\
{ systemctl start httpd-init.service || {
  printf '%s failed, which makes the certificate of mod_ssl: %s\\n' httpd-init.service \
    "$(journalctl -q --no-pager -o cat -n 3 _SYSTEMD_UNIT=httpd-init.service | paste -sd ' ' -)" >&2
  false
}; }"""

# Real names of packages, so that one query answers for all of them.
RED_HAT = Platform(
    name="Red Hat family",
    installed="rpm -q --queryformat '%{{NAME}}\\n' {names} | grep -v ' '",
    install="dnf install -y {names}",
    packages=(
        *("ostree", "python3", "python3-gobject-base", "httpd", "mod_ssl", "mod_http2"),
        *("gnupg2", "openssl", "iproute", "sudo", "util-linux", "polkit", "shadow-utils"),
        *("findutils", "gawk", "grep", "sed", "tar"),
    ),
    compose_packages=("rpm-ostree",),
    selinux_packages=("policycoreutils", "policycoreutils-python-utils"),
    httpd=Httpd(
        unit="httpd.service",
        configuration="/etc/httpd/conf.d/ostree-release.conf",
        links=(),
        limits="/etc/httpd/conf.d/ostree-release-limits.conf",
        limits_links=(),
        log_directory="/var/log/httpd",
        test=f"{HTTPD_INIT} && httpd -t",
        listens=(80, 443),
    ),
    sshd="sshd.service",
)

KEEP_CONFIGURATION = "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold"
DEBIAN = Platform(
    name="Debian",
    installed=("dpkg-query -W -f '${{db:Status-Abbrev}}${{Package}}\\n' {names} | sed -n 's/^.i //p'"),
    install=(
        "export DEBIAN_FRONTEND=noninteractive;"
        f" apt-get -q update && apt-get -q -y {KEEP_CONFIGURATION} install {{names}}"
    ),
    packages=(
        *("ostree", "gir1.2-ostree-1.0", "python3", "python3-gi", "apache2"),
        *("gnupg", "openssl", "ca-certificates", "iproute2", "rpm", "sudo", "util-linux", "polkitd"),
    ),
    compose_packages=None,
    selinux_packages=("policycoreutils", "policycoreutils-python-utils", "selinux-policy-default"),
    httpd=Httpd(
        unit="apache2.service",
        configuration="/etc/apache2/sites-available/ostree-release.conf",
        links=(
            ("/etc/apache2/sites-enabled/ostree-release.conf", "../sites-available/ostree-release.conf"),
            *(
                (f"/etc/apache2/mods-enabled/{module}", f"../mods-available/{module}")
                for module in ("headers.load", "http2.load", "socache_shmcb.load", "ssl.conf", "ssl.load")
            ),
        ),
        limits="/etc/apache2/conf-available/ostree-release-limits.conf",
        limits_links=(
            (
                "/etc/apache2/conf-enabled/ostree-release-limits.conf",
                "../conf-available/ostree-release-limits.conf",
            ),
        ),
        log_directory="/var/log/apache2",
        test="apache2ctl configtest",
        listens=(80, 443),
    ),
    sshd="ssh.service",
)

# ID of os-release; major versions, empty for any: the family.
TABLE: tuple[tuple[str, tuple[str, ...], Platform], ...] = (
    ("fedora", (), RED_HAT),
    ("debian", ("12", "13"), DEBIAN),
)

# What RHEL and the relatives of RHEL and Fedora call themselves, and the versions of either.
RELATIVES = {"rhel", "centos", "fedora"}
RELATIVES_VERSIONS = {"9", "10", *map(str, range(38, 100))}
# These come from Red Hat too, so long ago that their version numbers and packages are their own.
STRANGERS = {"mandriva"}


def choose(machine: MachineState) -> Platform | None:
    """Find a machine's family; None if it is not supported."""
    version = machine.version.partition(".")[0]
    for system, versions, platform in TABLE:
        if system == machine.id:
            return platform if not versions or version in versions else None
    return RED_HAT if _is_relative(machine, version) else None


def _is_relative(machine: MachineState, version: str) -> bool:
    names = {machine.id, *machine.id_like}
    # PLATFORM_ID says what packages are built for, "platform:el9"; not everybody has it.
    platforms = {"", f"platform:el{version}", f"platform:f{version}"}
    return (
        not RELATIVES.isdisjoint(names)
        and STRANGERS.isdisjoint(names)
        and version in RELATIVES_VERSIONS
        and machine.platform_id in platforms
    )


def load(machine: MachineState) -> Platform:
    """Find a machine's family; ends the run with one line if it is not supported."""
    platform = choose(machine)
    if platform is None:
        raise SystemExit(f"{machine.pretty_name} is not supported: {SUPPORTED}")
    return platform


def check_architecture(name: str, machine: MachineState, architecture: str) -> None:
    """End the run with one line if a machine is of another architecture than its images are to be.

    + name: the machine's in the inventory
    + architecture: the setting, as `uname -m` says it
    """
    if machine.architecture != architecture:
        raise SystemExit(
            f"The server {name} is {machine.architecture}, ostree_architecture says {architecture}: an image"
            " is composed on a machine of its own architecture, so change the setting or use another server"
        )


def composes(platform: Platform, machine: MachineState) -> bool:
    """Tell whether this server composes: rpm-ostree can be installed, or is there already."""
    return platform.compose_packages is not None or machine.has_rpm_ostree
