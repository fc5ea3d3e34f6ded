"""Which hosts of a run are repository servers: those of the inventory's group image_servers."""

from pyinfra.api import Host

from tasks.pyinfra_gaps.one_line import OneLineError

GROUP = "image_servers"


def is_server(host: Host) -> bool:
    """Say whether a host is a repository server."""
    return GROUP in host.groups


def concerns(host: Host) -> bool:
    """Say whether a task for servers has work on this host; leave every other host out of the run.

    pyinfra connects to the whole inventory first. Whether a client answered is nothing to a task for
    servers, so it does not make the run fail either.

    + host: the host that the entry file is being read for

    Returns True for a server.

    Raises OneLineError: the run has no server at all, with the line to show.
    """
    state = host.state
    servers = [each for each in state.inventory if is_server(each) and state.is_host_in_limit(each)]
    if not servers:
        raise OneLineError(
            f"No repository server in this run: the inventory needs a group {GROUP}, and --limit must keep it"
        )
    others = [each for each in state.inventory if not is_server(each)]
    state.failed_hosts.difference_update(others)
    return is_server(host)
