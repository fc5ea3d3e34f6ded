"""httpd: the virtual host that serves every environment's repository."""

from __future__ import annotations

from pyinfra.api import deploy

from tasks.operations import managed_files, units
from tasks.operations.managed_files import File, Link
from tasks.pyinfra_gaps.templates import render
from tasks.server.platforms import Httpd, Platform
from tasks.settings import places
from tasks.settings.declared import Server


@deploy("Web server")
def serve_repositories(settings: Server, platform: Platform) -> None:
    """Install the configuration if httpd accepts it, and let httpd run with it."""
    httpd = platform.httpd
    certificate, key = certificate_files(settings)
    managed_files.declared(
        name="Virtual host",
        files=[File(httpd.configuration, virtual_host(settings, httpd))],
        links=[Link(path, target) for path, target in httpd.links],
        check=httpd.test,
    )
    links = [path for path, _ in httpd.links]
    units.running(
        name="httpd runs with it",
        started=[httpd.unit],
        configurations={httpd.unit: [httpd.configuration, *links, certificate, key]},
    )


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
