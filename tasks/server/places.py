"""Where things are on a server: the names that several concerns share."""

from __future__ import annotations

from tasks.settings.values import Environment, Server

RELEASE_USER = "ostree-prod"
# Whom a role's program runs as.
ROLE_USERS = {"composer": "root", "promoter": RELEASE_USER, "approver": RELEASE_USER}
COMPOSERS = "ostree-composers"
PROMOTERS = "ostree-promoters"
APPROVERS = "ostree-approvers"
CI_USER = "ostree-ci"

LIBEXEC = "/usr/libexec/ostree-release"
# A link to the folder of the version that is current.
PROGRAM = f"{LIBEXEC}/program"
PYTHON = "/usr/bin/python3"
COMMAND = "/usr/sbin/ostree-release"
COMPOSER = f"{LIBEXEC}/composer"
PROMOTER = f"{LIBEXEC}/promoter"
APPROVER = f"{LIBEXEC}/approver"
CI = f"{LIBEXEC}/ci"
CERTIFICATE = f"{LIBEXEC}/certificate"

CONFIGURATION = "/etc/ostree-release"
TLS = f"{CONFIGURATION}/tls"
CI_HOME = f"{CONFIGURATION}/ci"
GATES = f"{CONFIGURATION}/gates.d"
STATE = "/var/lib/ostree-release"
KEYS = f"{STATE}/keys"
# What clients are to trust: public keys that root keeps, and which of them is in use.
TRUSTED = f"{STATE}/trusted"
# What this project has declared in stores that it shares with the administrator.
DECLARED = f"{STATE}/declared"
DECLARED_GATES = f"{DECLARED}/gates"
# The lists of users and groups, and what their numbers begin with (ostree_release/composing/numbers.py).
ACCOUNTS = f"{STATE}/accounts"
ACCOUNTS_SEED = f"{ACCOUNTS}/seed"
CACHE = "/var/cache/ostree-release"
RUN = "/run/ostree-release"
# What the sandbox of a gate of the administrator's own shares with the program.
GATE_RUNS = f"{RUN}/gates"
GATE_CHECKOUTS = f"{STATE}/gates/checkouts"
GATE_OUTPUT = f"{STATE}/gates/output"
UNITS = "/etc/systemd/system"
POLKIT_RULE = "/etc/polkit-1/rules.d/50-ostree-release.rules"


def ci_entry(role: str) -> str:
    """Program that sudo may start for the CI as a role."""
    return f"{CI}-{role}"


def owner(environment: Environment) -> str:
    """User who writes to an environment's repository and signs with its key."""
    return "root" if environment.composed else RELEASE_USER


def gnupghome(environment: Environment) -> str:
    """Directory of an environment's signing key."""
    return f"{KEYS}/{environment.name}"


def published_keys(settings: Server) -> str:
    """Directory of public keys and the CA, served at the keys alias."""
    return f"{settings.base_path}/keys"


def public_key(settings: Server, environment: Environment) -> str:
    """File with an environment's public key, as gpg exports it."""
    return f"{published_keys(settings)}/{environment.name}.gpg"


def published_authority(settings: Server) -> str:
    """File with the CA's certificate."""
    return f"{published_keys(settings)}/ca.crt"


def has_private_authority(settings: Server) -> bool:
    """Whether the server issues its certificate itself."""
    return settings.tls_certificate is None and not settings.join_virtual_host


def certificate(settings: Server) -> str | None:
    """File with the certificate that is served, where this project knows it."""
    return f"{TLS}/server.crt" if has_private_authority(settings) else settings.tls_certificate


def treefile(settings: Server, environment: Environment) -> str:
    """File that the composing of an environment is declared in."""
    return f"{settings.treefile_directory}/{settings.image_name}-{environment.name}.yaml"


def folder_names(settings: Server) -> str:
    """File with the names of what the administrator's own folder has put beside the treefiles."""
    return f"{settings.treefile_directory}/.folder"
