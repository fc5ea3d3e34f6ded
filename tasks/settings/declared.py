"""Every setting, once: its name, type, default, rule and meaning (Markdown).

group_data/all.py and the tables of docs/settings.md are written from it (docs/generate.py).
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, NamedTuple

from ostree_release import config
from tasks.settings import ci, kinoite, places, repositories, rules
from tasks.settings.reader import SettingsError
from tasks.settings.rules import Rule

PREFIX = "ostree_"
ENVIRONMENT = f"{PREFIX}environment_"


def setting(default: object, rule: Rule[Any], meaning: str, *, section: str | None = None) -> Any:
    """Declare a field that group data sets.

    + default: as group data would have it
    + rule: what it may be
    + meaning: Markdown, on one line
    + section: the heading that begins with this setting
    """
    return field(metadata={"default": default, "rule": rule, "meaning": meaning, "section": section})


def declared(kind: type) -> dict[str, Field[Any]]:
    """Return the settings that a class declares, by their names in group data."""
    return {f"{PREFIX}{each.name}": each for each in fields(kind) if "rule" in each.metadata}


class Key(NamedTuple):
    """A key of an environment.

    + default: Markdown, since most depend on other settings
    """

    default: str
    rule: Rule[Any]
    meaning: str


# What earlier versions had, and what to do about it.
GONE = {"ostree_repository_mode": "leave it out: archive is the only mode that httpd can serve"}

# One variable ostree_environment_NAME each; these two are there from the beginning, as default and meaning.
ENVIRONMENTS: dict[str, tuple[dict[str, object], str]] = {
    "dev": ({"enabled": True}, "The environment dev, composed on the server."),
    "prod": (
        {"promotes_from": "dev", "rings": ["pilot", "stable"]},
        "The environment prod, whose releases are promoted from dev.",
    ),
}
KEYS: dict[str, Key] = {
    "enabled": Key("`True`", rules.switch, "`False`: it is not served any more; its repository stays."),
    "promotes_from": Key(
        "none",
        rules.optional(rules.environment_name),
        "Name of the composed environment whose builds are released here. Only a composed one: promoting "
        "what was promoted already is refused.",
    ),
    "rings": Key(
        '`["pilot", "stable"]`',
        rules.listed(rules.component, empty=False),
        "Only with `promotes_from`: the refs that clients follow, in the order of a roll-out. A new ring "
        "works from the next release on.",
    ),
    "repository": Key(
        "`BASE/NAME`", rules.absolute_path, "Absolute path on the server, below `ostree_base_path`."
    ),
    "alias": Key("`/repo/IMAGE/NAME`", rules.alias, "Path of its URL."),
    "ref": Key(
        "composed: `fedora/ARCH/IMAGE/NAME`; prod: `fedora/ARCH/IMAGE/LAST_RING`; any other: "
        "`fedora/ARCH/IMAGE/NAME/LAST_RING`",
        rules.ref,
        "The build's ref, or the last ring's; `ARCH` is `ostree_architecture`. The other rings, "
        "`candidate/VERSION` and `releases/VERSION` lie in the same place.",
    ),
    "packages": Key("`[]`", rules.listed(rules.package), "Only composed: packages on top of the four lists."),
    "exclude_packages": Key(
        "`[]`",
        rules.listed(rules.package),
        "Only composed: packages kept out, on top of `ostree_exclude_packages`.",
    ),
    "gates": Key(
        "`{}`",
        rules.dictionary,
        'Only with `promotes_from`: thresholds of the gates that differ from their defaults, `{"soak": '
        '{"hours": 48}}`; `{"soak": False}` switches a gate off. All of them: [gates](gates.md).',
    ),
    "approval": Key(
        "`{}`",
        rules.dictionary,
        "Only with `promotes_from`: `days` (14) that an approval holds, `by_another` (`False`): who "
        "composed a build may not approve it.",
    ),
    "auto": Key(
        "`{}`",
        rules.dictionary,
        "Only with `promotes_from`: `enabled` (`False`): every hour, what its gates let pass is promoted "
        "([how](operations.md#automatic-promotion)); `freeze` (`[]`): days without that, such as "
        '`"friday"`, `"2026-12-24"` or `"2026-12-24/2027-01-02"`.',
    ),
    "signing": Key(
        '`"server"`',
        rules.choice(*config.SIGNING),
        'Only with `promotes_from`. `"offline"`: the server never has the secret key, and a laptop signs '
        "each release: [signing](signing.md).",
    ),
    "signing_key": Key(
        "none",
        rules.optional(rules.laptop_file),
        "File on the laptop with an exported secret GPG key, which the server gets while clients trust none"
        " yet ([later](signing.md#a-new-key-takes-over) with `tasks/keys.py`). Without one, the server "
        'makes a key. With `signing` `"offline"`: the file of the public key (`gpg --export KEY`), which is'
        " needed; one with a secret key is refused.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Environment(config.Environment):
    """What the server is told of an environment, and what only deploy.py needs to know."""

    enabled: bool
    alias: str
    packages: tuple[str, ...]
    exclude_packages: tuple[str, ...]
    signing_key: str | None
    automatic: bool


@dataclass(frozen=True, kw_only=True)
class Server:
    """What a repository server is to be."""

    environments: tuple[Environment, ...]
    disabled: tuple[Environment, ...]
    public_name: str = setting(
        None,
        rules.optional(rules.public_name),
        "DNS name or IP address that clients use in URLs. `None`: the server's name in the inventory.",
        section="The server and its image",
    )
    image_name: str = setting(
        "kinoite",
        rules.component,
        "What the image is called in refs, aliases, treefile names and remotes. One ref component.",
    )
    base_path: str = setting(
        "/srv/ostree/rpm-ostree",
        rules.base_path,
        "Absolute path on the server; every repository lies below it. At least two levels deep, not in a "
        "system directory.",
    )
    architecture: str = setting(
        "x86_64",
        rules.choice(*rules.ARCHITECTURES),
        "The processor architecture of the image, its server and its workstations, as Fedora names it: "
        '`"x86_64"`, `"aarch64"` or `"ppc64le"`, those that Fedora makes Kinoite for. Default refs and '
        "treefiles follow it, and so does `$basearch` in package repositories. An image is composed on a "
        "machine of its own architecture: `deploy.py` refuses a server of another one before it changes "
        "anything, and `tasks/rebase.py` a workstation of another one.",
    )
    keys_alias: str = setting(
        "/repo/keys",
        rules.alias,
        "URL path of the public keys and, with a private CA, of its certificate.",
        section="How it is served",
    )
    https_port: int = setting(8443, rules.port, "TCP port of HTTPS, 1 to 65535.")
    http: bool = setting(
        False, rules.switch, "`True`: serve plain HTTP too. Signatures still protect the content."
    )
    http_port: int = setting(8080, rules.port, "TCP port of HTTP, 1 to 65535, other than that of HTTPS.")
    tls_certificate: str | None = setting(
        None,
        rules.optional(rules.absolute_path),
        "Absolute path **on the server** of a certificate with its chain. `None`: a private CA and a "
        "certificate are made, and renewed by the server.",
    )
    tls_key: str | None = setting(
        None,
        rules.optional(rules.absolute_path),
        "Absolute path on the server of that certificate's key. Both or neither.",
    )
    tls_ca: str | None = setting(
        None,
        rules.optional(rules.absolute_path),
        "Absolute path on the server of the CA that issued the certificate, for clients that do not know it"
        " already.",
    )
    join_virtual_host: bool = setting(
        False,
        rules.switch,
        "`True`: add to an existing HTTPS virtual host on `ostree_https_port`, without a `Listen` of our "
        "own.",
    )
    httpd_connections: int | None = setting(
        None,
        rules.optional(rules.whole_number(64, 8192)),
        "How many connections httpd serves at the same moment, 64 to 8192. `None`: from the server's memory, "
        "512 for each GiB and at most 4096. With `ostree_join_virtual_host` the limits stay those of that "
        "server ([operations.md](operations.md#many-workstations-at-once)).",
    )
    fedora_release: int = setting(
        44,
        rules.whole_number(38, 99),
        "Fedora release of the image, a whole number from 38 to 99.",
        section="What is composed",
    )
    treefile_directory: str = setting(
        "/etc/rpm-ostree/treefiles",
        rules.absolute_path,
        "Absolute path on the server of the treefiles and the `.repo` files beside them.",
    )
    base_packages: tuple[str, ...] = setting(
        kinoite.BASE_PACKAGES,
        rules.listed(rules.package_or_placeholder),
        "Packages of every composed environment. Four lists, so that one can be replaced without copying "
        "the others: together a Kinoite that starts on ordinary hardware (btrfs, LUKS or LVM, firmware).",
    )
    desktop_packages: tuple[str, ...] = setting(
        kinoite.DESKTOP_PACKAGES,
        rules.listed(rules.package_or_placeholder),
        'The second list of packages. `"{display_manager}"` stands for the packages of Kinoite\'s display '
        "manager: plasmalogin from release 44 on, sddm before.",
    )
    system_packages: tuple[str, ...] = setting(
        kinoite.SYSTEM_PACKAGES,
        rules.listed(rules.package_or_placeholder),
        "The third list of packages.",
    )
    additional_packages: tuple[str, ...] = setting(
        ["vim-enhanced", "git", "wget", "curl", "htop", "tmux"],
        rules.listed(rules.package_or_placeholder),
        "The fourth list of packages.",
    )
    architecture_packages: dict[str, tuple[str, ...]] = setting(
        kinoite.ARCHITECTURE_PACKAGES,
        rules.architecture_packages,
        "Packages of one architecture only: `x86_64`, `aarch64` or `ppc64le` -> list. Boot loaders, "
        "microcode.",
    )
    exclude_packages: tuple[str, ...] = setting(
        ["PackageKit"],
        rules.listed(rules.package),
        "Packages that must not come in, not even as dependencies.",
    )
    postprocess_commands: tuple[str, ...] = setting(
        kinoite.POSTPROCESS_COMMANDS,
        rules.listed(rules.postprocess_command),
        "Shell commands that run in the new image's tree, in order. `{display_manager}` stands for the unit"
        " of Kinoite's display manager. `bootupctl` describes the boot loader in the image, so that machines "
        "can update theirs.",
    )
    accounts_file: str | None = setting(
        None,
        rules.optional(rules.accounts_file),
        "Path **on the laptop** of a file with the lines of a passwd and of a group file, which the numbers"
        " of users and groups begin with ([operations.md](operations.md#users-and-groups)). `None`: with "
        "those of the first build.",
    )
    treefile_options: dict[str, object] = setting(
        {},
        rules.treefile_options,
        'Further treefile keys, as rpm-ostree names them, merged last, for example `{"selinux": False}`. '
        "Keys that come from other settings (ref, repos, packages, exclude-packages, postprocess, "
        "releasever, basearch) are refused.",
    )
    treefile_folder: str | None = setting(
        None,
        rules.optional(rules.treefile_folder),
        "Path **on the laptop** of a folder of files that are to lie beside the treefiles "
        "([below](#a-manifest-of-your-own)).",
    )
    package_repositories: dict[str, dict[str, object]] = setting(
        kinoite.PACKAGE_REPOSITORIES,
        repositories.by_id,
        "Where packages come from: id -> keys of a `.repo` file (`name`, `baseurl`, `metalink`, `gpgcheck`,"
        " `gpgkey`). `gpgcheck` is on unless it is `False`, and needs a `gpgkey`. On Fedora the key files "
        "are there (package fedora-gpg-keys); on a server without them, put the key of this release "
        "(https://fedoraproject.org/security) into /etc/pki/rpm-gpg and name that file.",
    )
    compose_on_setup: bool = setting(
        False,
        rules.switch,
        "`True`: `deploy.py` starts a compose of each of the environments below that has no build yet.",
        section="When it is composed",
    )
    compose_environments: tuple[str, ...] = setting(
        ["dev"],
        rules.listed(rules.environment_name),
        "Composed environments that are composed on set-up and at night.",
    )
    compose_nightly: bool = setting(False, rules.switch, "`True`: compose every night, by a systemd timer.")
    compose_time: str = setting("02:00", rules.time_of_day, 'Local time of the server, `"HH:MM"`.')
    compose_delay_minutes: int = setting(
        30,
        rules.whole_number(0, 720, "whole minutes"),
        "The timer waits a random time up to this long, 0 to 720 minutes.",
    )
    minimum_free_gib: float = setting(
        20,
        rules.gibibytes,
        "GiB: with less free space in a repository or in the cache, a compose or a promotion is refused.",
    )
    smoke_sample: int = setting(
        200,
        rules.whole_number(0, 1_000_000),
        "How many of the objects that are not new a smoke pull fetches, chosen anew each time, 0 to 1000000 "
        "([security.md](security.md#what-is-read-again-and-what-a-smoke-pull-proves)).",
    )
    gates_directory: str | None = setting(
        None,
        rules.optional(rules.gates_folder),
        "Path **on the laptop** of a folder of executables: they run on the server on every candidate, in "
        "name order ([gates.md](gates.md)).",
        section="Gates of your own",
    )
    composers: tuple[str, ...] = setting(
        [],
        rules.listed(rules.login),
        "Existing logins that may compose without being administrators.",
        section="Who may do what on the server",
    )
    promoters: tuple[str, ...] = setting([], rules.listed(rules.login), "Existing logins that may promote.")
    approvers: tuple[str, ...] = setting(
        [],
        rules.listed(rules.login),
        "Existing logins that may approve what needs approval, and hold releases.",
    )
    ci_keys: tuple[ci.CiKey, ...] = setting(
        {},
        ci.keys,
        "SSH keys of the CI: name -> `key` (a line of a `.pub` file) and `subcommands` (a list), see "
        "[ci.md](ci.md).",
    )

    @property
    def packages(self) -> tuple[str, ...]:
        """The four lists in one, without repetitions."""
        lists = self.base_packages, self.desktop_packages, self.system_packages, self.additional_packages
        return tuple(dict.fromkeys(name for each in lists for name in each))

    @property
    def plain_port(self) -> int | None:
        """The port of HTTP, if it is served."""
        return self.http_port if self.http else None

    @property
    def minimum_free_bytes(self) -> int:
        """What must be free before something is composed or promoted."""
        return int(self.minimum_free_gib * 1024**3)

    @property
    def published(self) -> str:
        """The directory of public keys and the CA, served at the keys alias."""
        return str(places.public_keys(self.base_path))

    @property
    def private_authority(self) -> bool:
        """Whether the server issues its certificate itself."""
        return self.tls_certificate is None and not self.join_virtual_host

    def environment(self, name: str) -> Environment:
        """Return an enabled environment; SettingsError names those there are."""
        for each in self.environments:
            if each.name == name:
                return each
        there = ", ".join(each.name for each in self.environments) or "none"
        raise SettingsError([f"environment {name!r}: must be one that is switched on; there are: {there}"])


@dataclass(frozen=True, kw_only=True)
class Client:
    """Where a workstation gets its image from, what it follows there, and whether it says how it boots."""

    image_server: str = setting(
        None,
        rules.host_name,
        "The inventory's name of the server that a client gets its image from.",
        section="Clients",
    )
    follows: str = setting(
        None,
        rules.follows,
        'A composed environment (`"dev"`) or a ring (`"pilot"`; `"qa/pilot"` where two environments have a '
        "ring of that name).",
    )
    health_reports: bool = setting(
        False,
        rules.switch,
        "`True`, as `group_data/dev_clients.py` has it for workstations that follow dev: `tasks/rebase.py` "
        "installs a systemd unit that writes after each boot, and then every 15 minutes, whether systemd "
        "finds the system healthy. `tasks/status.py` collects it and the gate `soak` counts it: "
        "[gates](gates.md).",
    )


NAMES: Mapping[str, Field[Any]] = declared(Server) | declared(Client)
