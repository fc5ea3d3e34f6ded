"""What an entry point leaves behind of its caller, which arguments it takes, and as whom it goes on."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator, Sequence

from ..config import Config
from ..errors import Refused

_LIMIT = 4000  # characters of one argument
PLAIN = f"an argument is one line of at most {_LIMIT} printable characters"
# As systemd sets it for units.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


def leave_behind() -> None:
    """Go on without the caller's working directory and environment.

    Python's isolated mode ignored both so far, and sudo resets the environment unless it is configured
    otherwise; libraries and programs that are loaded and started later would obey it.
    """
    os.chdir("/")
    os.environ.clear()
    os.environ.update(PATH=_PATH, LANG="C.UTF-8", HOME=pwd.getpwuid(os.geteuid()).pw_dir)


def leave_root(config: Config) -> None:
    """Become the owner of what is promoted to, for good: what is not composing needs no more than that.

    Also for an administrator at a shell: what root leaves there, the owner could not use, and what the owner
    has prepared there, root must not follow. Does nothing for another user than root, and on a server that
    only composes; refuses if there is no such user.
    """
    owners = [environment.owner for environment in config.environments if not environment.composed]
    if os.geteuid() != 0 or not owners:
        return
    account = _account(owners[0])
    if account.pw_uid == 0:
        return
    os.initgroups(account.pw_name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ["HOME"] = account.pw_dir
    os.chdir("/")  # root's own directory is closed to that user


@contextlib.contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Run the block, and what it starts, as a user; refuses whoever is neither that user nor root.

    Programs that the block starts cannot become root again: the saved user number does not outlive an exec.
    """
    account = _account(name)
    if os.geteuid() == account.pw_uid:
        yield
        return
    if os.geteuid() != 0:
        raise Refused(f"run it as root: it works as {name} and changes what clients trust")
    groups = os.getgroups()
    os.setgroups(os.getgrouplist(name, account.pw_gid))
    os.setresgid(account.pw_gid, account.pw_gid, 0)
    os.setresuid(account.pw_uid, account.pw_uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


def are_plain(arguments: Sequence[str]) -> bool:
    """Say whether arguments can be shown as they are: no control, direction or broken characters in them."""
    return all(len(each) <= _LIMIT and each.isprintable() for each in arguments)


def _account(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise Refused(f"there is no user {name} on this server: deploy it again") from None
