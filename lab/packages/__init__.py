"""Real RPMs for the lab: one spec each, built in a container with rpmbuild and createrepo_c."""

from lab.packages.repository import (
    CLIENT_PACKAGES,
    FIRST_VERSIONS,
    Advisory,
    ensure_cache,
    packages_key,
    prepare,
    publish,
    withdraw,
)
from lab.packages.variants import Variant

__all__ = [
    "CLIENT_PACKAGES",
    "FIRST_VERSIONS",
    "Advisory",
    "Variant",
    "ensure_cache",
    "packages_key",
    "prepare",
    "publish",
    "withdraw",
]
