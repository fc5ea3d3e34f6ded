"""httpd: the virtual host that serves every environment's repository."""

import math

from pyinfra.api import deploy

from tasks.facts.operating_system import MachineState
from tasks.operations import managed_files, units
from tasks.operations.managed_files import Directory, File, Link
from tasks.pyinfra_gaps.templates import render
from tasks.server.platforms import Httpd, Platform
from tasks.settings import places
from tasks.settings.declared import Server

# A busy process closes the kept-alive connections of clients that another would serve, so few and large ones;
# a single one served less than half of the requests, measured on two cores.
PROCESSES = 4
# Measured with 500 clients, TLS and httpd 2.4.71: a connection takes 0.2 MiB, up to 0.5 MiB with HTTP/2 and
# eight requests at once, as libostree asks; a thread that waits for one takes 15 KiB. So this is a quarter
# of the memory.
CONNECTIONS_OF_A_GIB = 512
MOST_CONNECTIONS = 4096  # unless the setting names more
# Of one process: of 8192 connections it has 2048, each with a socket and the files of eight requests.
OPEN_FILES = 65536
# Of all processes: a thread for each of 8192 connections, also while those of before a reload finish.
TASKS = 32768


@deploy("Web server")
def serve_repositories(settings: Server, platform: Platform, machine: MachineState) -> None:
    """Install the configuration if httpd accepts it, and let httpd run with it."""
    httpd = platform.httpd
    certificate, key = certificate_files(settings)
    drop_in = f"{places.UNITS}/{httpd.unit}.d/ostree-release.conf"
    limits = [httpd.limits, drop_in, *(path for path, _ in httpd.limits_links)]
    # A server that is the administrator's own has the administrator's limits.
    ours = not settings.join_virtual_host
    managed_files.declared(
        name="Virtual host",
        directories=[Directory(f"{places.UNITS}/{httpd.unit}.d")] if ours else [],
        files=[
            File(httpd.configuration, virtual_host(settings, httpd)),
            *(
                [File(httpd.limits, limits_text(settings, machine)), File(drop_in, unit_limits())]
                if ours
                else []
            ),
        ],
        links=[Link(*link) for link in (*httpd.links, *(httpd.limits_links if ours else ()))],
        absent=[] if ours else limits,
        check=httpd.test,
    )
    links = [path for path, _ in httpd.links]
    units.running(
        name="httpd runs with it",
        started=[httpd.unit],
        configurations={httpd.unit: [httpd.configuration, *links, certificate, key]},
        at_start={httpd.unit: limits} if ours else {},
    )


def connections(settings: Server, machine: MachineState) -> int:
    """Tell how many clients httpd is to serve at the same moment."""
    if settings.httpd_connections is not None:
        return settings.httpd_connections
    # In whole GiB: another kernel, which leaves a little more or less of it, must not restart httpd.
    return min(CONNECTIONS_OF_A_GIB * max(1, round(machine.memory_kib / 1024**2)), MOST_CONNECTIONS)


def limits_text(settings: Server, machine: MachineState) -> str:
    """Render the limits of the whole httpd."""
    threads = math.ceil(connections(settings, machine) / PROCESSES)
    return render("httpd/limits.conf.j2", processes=PROCESSES, threads=threads)


def unit_limits() -> str:
    """Render what systemd is to allow httpd."""
    return render("systemd/httpd-limits.conf.j2", files=OPEN_FILES, tasks=TASKS)


def certificate_files(settings: Server) -> tuple[str, str]:
    """Certificate and key that httpd is to use."""
    if settings.tls_certificate and settings.tls_key:
        return settings.tls_certificate, settings.tls_key
    return f"{places.TLS}/server.crt", f"{places.TLS}/server.key"


def virtual_host(settings: Server, httpd: Httpd) -> str:
    """Render httpd's configuration; joined to an existing virtual host, it has no address of its own."""
    certificate, key = certificate_files(settings)
    public_name = settings.public_name
    return render(
        "httpd/ostree-release.conf.j2",
        join=settings.join_virtual_host,
        server_name=f"[{public_name}]" if ":" in public_name else public_name,
        https_port=settings.https_port,
        http_port=settings.plain_port,
        listened=httpd.listens,
        certificate=certificate,
        key=key,
        log_directory=httpd.log_directory,
        environments=settings.environments,
        keys_alias=settings.keys_alias,
        keys_directory=settings.published,
    )
