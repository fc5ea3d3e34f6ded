"""OSTree repositories that httpd can serve."""

from pyinfra.api import operation

from tasks.facts.repositories import Repositories
from tasks.facts.together import known
from tasks.operations.remote_script import Commands, quoted, refuse, together
from tasks.pyinfra_gaps.messages import warn

# Two names of one mode; ostree writes the older one.
SERVABLE = ("archive", "archive-z2")
GIB = 1 << 30


@operation()
def initialised(repositories: dict[str, str], minimum_free_bytes: int) -> Commands:
    """
    Initialise what is no repository yet; refuse one of another kind, which httpd could not serve.

    + repositories: directories that exist by now, each with the user who is to write to it
    + minimum_free_bytes: with less, a warning, because the server's program will refuse to add to it

    **Example:**

    .. code:: python

        repositories.initialised(
            name="Repositories",
            repositories={"/srv/ostree/rpm-ostree/dev": "root"},
            minimum_free_bytes=20 * 1024**3,
        )
    """
    states = known(Repositories, paths=list(repositories))
    missing = []
    for path in repositories:
        state = states.get(path)
        if state is None or state.mode is None:
            missing.append(path)
        elif state.mode not in SERVABLE:
            yield refuse(
                f"{path} is a repository of mode {state.mode}, which cannot be served: it must be"
                " archive; move it away, or give the environment another repository"
            )
            return
        if state and state.free_bytes is not None and state.free_bytes < minimum_free_bytes:
            warn(
                f"{path} has {state.free_bytes / GIB:.1f} GiB free; compose and promote refuse"
                f" below {minimum_free_bytes / GIB:.1f} GiB (ostree_minimum_free_gib)"
            )
    # Over an existing repository of another mode ostree would succeed and change nothing.
    lines = [_initialise(path, repositories[path]) for path in missing]
    yield from together(lines, f"{len(repositories)} repositories are initialised", "set -e; umask 022")


def _initialise(path: str, owner: str) -> str:
    command = f"ostree init --mode=archive {quoted('--repo=' + path)}"
    return command if owner == "root" else f"runuser -u {quoted(owner)} -- {command}"
