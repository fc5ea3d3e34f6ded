"""Directories with owners and modes that hold under any umask, and the repositories."""

from pyinfra.api import deploy

from tasks.operations import managed_files, repositories
from tasks.operations.managed_files import Directory, File
from tasks.settings import places
from tasks.settings.declared import Server


@deploy("Storage")
def make_storage(settings: Server) -> None:
    """Make every directory, then initialise the repositories."""
    managed_files.declared(
        name="Directories", directories=directories(settings), files=shared_files(settings)
    )
    repositories.initialised(
        name="Repositories",
        repositories={str(each.repository): each.owner for each in settings.environments},
        minimum_free_bytes=settings.minimum_free_bytes,
    )


# Below the state directory, root's; what is in each of them belongs to an environment's role.
_SHARED = (
    "accounts",
    "advisories",
    "checks",
    "compose",
    "gates",
    "keys",
    "origins",
    "sbom",
    "smoke",
    "trusted",
)


def directories(settings: Server) -> list[Directory]:
    """List the directories, outer ones first."""
    user = places.RELEASE_USER
    found = [
        Directory(settings.base_path),
        Directory(settings.published),
        Directory(places.CONFIGURATION),
        Directory(places.STATE),
        Directory(places.DECLARED),
        *(Directory(f"{places.STATE}/{name}") for name in _SHARED),
        *(Directory(f"{places.STATE}/{name}", user, user) for name in ("anchors", "verify")),
        Directory(places.GATE_CHECKOUTS, user, user),
        Directory(places.GATE_OUTPUT, user, user, "700"),
        Directory(places.CACHE),
        Directory(places.RUN, "root", user, "750"),
        Directory(places.GATE_RUNS, user, user, "711"),
    ]
    for each in settings.environments:
        owner = each.owner
        found.append(Directory(str(each.repository), owner, owner))
        if not each.offline:
            found.append(Directory(str(each.gnupghome), owner, owner, "700"))
        if each.composed:
            found.append(Directory(f"{places.STATE}/compose/{each.name}", mode="700"))
            found.append(Directory(f"{places.STATE}/accounts/{each.name}"))
            found.append(Directory(f"{places.STATE}/advisories/{each.name}"))
            found.append(Directory(f"{places.STATE}/origins/{each.name}"))
            found.append(Directory(f"{places.CACHE}/{each.name}"))
        else:
            found.append(Directory(f"{places.STATE}/sbom/{each.name}", user, user))
            found.append(Directory(f"{places.STATE}/smoke/{each.name}", user, user, "700"))
            found.append(Directory(f"{places.STATE}/checks/{each.name}", user, user))
    return found


def shared_files(settings: Server) -> list[File]:
    """Declare what both roles write and nobody else: the journal, and locks, which tmpfiles.d makes too."""
    kinds = ("writer", "check", "objects")
    locks = [f"{each.name}.{kind}" for each in settings.environments for kind in kinds]
    paths = [f"{places.STATE}/journal.jsonl", *(f"{places.RUN}/{name}" for name in [*locks, "journal"])]
    return [File(path, None, "root", places.RELEASE_USER, "660") for path in paths]
