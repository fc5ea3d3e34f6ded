"""Where things are on a server: the names that several concerns share."""

from pathlib import Path

from ostree_release.config import DEFAULT_PATH

RELEASE_USER = "ostree-prod"
# Whom a role's program runs as.
ROLE_USERS = {"composer": "root", "promoter": RELEASE_USER, "approver": RELEASE_USER}
CI_USER = "ostree-ci"

LIBEXEC = "/usr/libexec/ostree-release"
# A link to the folder of the version that is current.
PROGRAM = f"{LIBEXEC}/program"
PYTHON = "/usr/bin/python3"
COMMAND = "/usr/sbin/ostree-release"
CI = f"{LIBEXEC}/ci"
CERTIFICATE = f"{LIBEXEC}/certificate"

CONFIGURATION = str(DEFAULT_PATH.parent)
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
# The lists of users and groups, and what their numbers begin with (composing/account_numbers.py).
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


def public_keys(base_path: str) -> Path:
    """Directory of public keys and the CA, which is served."""
    return Path(base_path, "keys")


def treefile(image: str, environment: str) -> Path:
    """File of a treefile, in the directory of treefiles."""
    return Path(f"{image}-{environment}.yaml")


def group(role: str) -> str:
    """Group of those who have a role."""
    return f"ostree-{role}s"


def entry(role: str) -> str:
    """Program that sudo may start as a role."""
    return f"{LIBEXEC}/{role}"


def ci_entry(role: str) -> str:
    """Program that sudo may start for the CI as a role."""
    return f"{CI}-{role}"
