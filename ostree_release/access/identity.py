"""Being somebody else for a while: root works on what another user owns as that user."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator

from ..errors import Refused


@contextlib.contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Run the block, and what it starts, as a user; refuses whoever is neither that user nor root.

    Programs that the block starts cannot become root again: the saved user number does not outlive an exec.
    """
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise Refused(f"there is no user {name} on this server: deploy it again") from None
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
