"""What kind of machine a server is."""

from dataclasses import dataclass

from pyinfra.api import StringCommand

from tasks.facts.command_output import Reading, Said, asked, unexpected


@dataclass(frozen=True)
class SELinux:
    """The policy that is configured, and whether the running kernel has it loaded."""

    policy: str
    loaded: bool


@dataclass(frozen=True)
class MachineState:
    """Words of os-release, and what decides how the server is set up.

    + architecture: as `uname -m` says it
    + memory_kib: of the whole machine; 0 where the kernel does not say
    """

    id: str
    id_like: tuple[str, ...]
    version: str
    pretty_name: str
    is_root: bool
    has_rpm_ostree: bool
    selinux: SELinux | None
    architecture: str
    platform_id: str = ""
    memory_kib: int = 0


class Machine(Reading[MachineState]):
    """The operating system, the login's power, and whether SELinux is configured; read without privileges.

    **Example:**

    .. code:: python

        host.get_fact(Machine)
    """

    subject = "the server's shell"

    def command(self) -> StringCommand:
        """One command that needs no more than a shell."""
        return asked(
            'uid=$(id -u) && machine=$(uname -m) || exit; echo "UID=$uid"; echo "ARCHITECTURE=$machine";'
            " sed -n 's/^MemTotal: *\\([0-9]*\\) kB$/MEMORY_KIB=\\1/p' /proc/meminfo 2>/dev/null;"
            " cat /etc/os-release /usr/lib/os-release 2>/dev/null; echo;"
            " command -v rpm-ostree >/dev/null && echo HAS_RPM_OSTREE=yes;"
            " grep -E '^ *(SELINUX|SELINUXTYPE) *=' /etc/selinux/config 2>/dev/null;"
            " test -e /sys/fs/selinux/enforce && echo SELINUX_LOADED=yes; true"
        )

    def read(self, said: Said) -> MachineState:
        """Parse shell-like assignments; the first of a name counts."""
        words: dict[str, str] = {}
        for line in said.lines:
            name, equals, value = line.partition("=")
            if equals:
                words.setdefault(name.strip(), value.strip().strip("\"'"))
        if not words.get("UID", "").isdigit():
            raise unexpected(next(iter(said.lines), ""))
        configured = words.get("SELINUX", "disabled").lower() in ("enforcing", "permissive")
        selinux = SELinux(words.get("SELINUXTYPE", "targeted"), "SELINUX_LOADED" in words)
        return MachineState(
            id=words.get("ID", ""),
            id_like=tuple(words.get("ID_LIKE", "").split()),
            version=words.get("VERSION_ID", ""),
            pretty_name=words.get("PRETTY_NAME", "This system"),
            is_root=words.get("UID") == "0",
            has_rpm_ostree="HAS_RPM_OSTREE" in words,
            selinux=selinux if configured else None,
            architecture=words.get("ARCHITECTURE", ""),
            platform_id=words.get("PLATFORM_ID", ""),
            memory_kib=int(words.get("MEMORY_KIB", 0)),
        )
