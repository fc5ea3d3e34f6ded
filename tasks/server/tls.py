"""The server's certificate: a private CA's, renewed by a timer on the server, or the administrator's own."""

from pyinfra.api import deploy

from tasks.operations import certificates, managed_files, units
from tasks.operations.managed_files import Directory, File
from tasks.pyinfra_gaps.templates import render
from tasks.server.platforms import Platform
from tasks.settings import places
from tasks.settings.declared import Server

UNIT = "ostree-release-certificate"
SCRIPT_UNITS = (f"{UNIT}.service", f"{UNIT}.timer")


@deploy("TLS")
def keep_certificates(settings: Server, platform: Platform) -> None:
    """Keep a private CA and its certificate current, or publish the CA of the administrator's certificate."""
    if settings.private_authority:
        managed_files.declared(
            name="Script and timer",
            directories=[Directory(places.LIBEXEC), Directory(places.TLS)],
            files=[
                File(places.CERTIFICATE, certificate_script(settings, platform), mode="755"),
                *(
                    File(f"{places.UNITS}/{unit}", render(f"systemd/{unit}.j2", program=places.CERTIFICATE))
                    for unit in SCRIPT_UNITS
                ),
            ],
        )
        certificates.current(name="CA and server certificate", program=places.CERTIFICATE)
        units.running(name="Renewal timer", started=[f"{UNIT}.timer"], loaded=[f"{UNIT}.service"])
        return
    units.running(name="No renewal timer", stopped=[f"{UNIT}.timer"])
    managed_files.declared(
        name="No script",
        directories=[Directory(places.LIBEXEC)],
        absent=[
            places.CERTIFICATE,
            *(f"{places.UNITS}/{unit}" for unit in SCRIPT_UNITS),
            *([] if settings.tls_ca else [f"{settings.published}/ca.crt"]),
        ],
    )
    if settings.tls_ca:
        certificates.copied(
            name="Publish the CA", source=settings.tls_ca, target=f"{settings.published}/ca.crt"
        )


def certificate_script(settings: Server, platform: Platform) -> str:
    """Render the script that makes and renews the certificates."""
    return render(
        "libexec/certificate.sh.j2",
        directory=places.TLS,
        public_name=settings.public_name,
        published=f"{settings.published}/ca.crt",
        unit=platform.httpd.unit,
    )
