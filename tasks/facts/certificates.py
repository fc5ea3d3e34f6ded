"""What is due about the server's certificates, in the words of the script that keeps them."""

from pyinfra.api import QuoteString, StringCommand

from tasks.facts.command_output import Reading, Said, asked


class CertificatesDue(Reading[list[str]]):
    """One line for each thing that is missing, expires soon or does not fit.

    + program: the script on the server

    **Example:**

    .. code:: python

        host.get_fact(CertificatesDue, program="/usr/libexec/ostree-release/certificate")
    """

    subject = "the script that keeps the certificates"

    def command(self, program: str) -> StringCommand:
        """Ask the script; where there is none yet, everything is due."""
        path = QuoteString(program)
        return asked(StringCommand("if test -x", path, "; then", path, "--check; else echo everything; fi"))

    def read(self, said: Said) -> list[str]:
        """One reason a line."""
        return said.lines
