"""What is due about the server's certificates, in the words of the script that keeps them."""

from __future__ import annotations

from pyinfra.api import QuoteString, StringCommand

from tasks.facts.said import Reading, Said, asked, unexpected


class CertificatesDue(Reading[list[str]]):
    """One line for each thing that is missing, expires soon or does not fit.

    + program: the script on the server
    """

    subject = "the script that keeps the certificates"

    def command(self, program: str) -> StringCommand:
        """Ask the script; where there is none yet, everything is due."""
        path = QuoteString(program)
        return asked(StringCommand("if test -x", path, "; then", path, "--check; else echo everything; fi"))

    def read(self, said: Said) -> list[str]:
        """One reason a line."""
        return said.lines


class CopyDiffers(Reading[bool]):
    """Whether one file of the server is not the same as another one.

    + source: file that is copied
    + target: its copy
    """

    subject = "sha256sum"

    def command(self, source: str, target: str) -> StringCommand:
        """Compare checksums: `cmp` is not in every minimal install."""
        return asked(
            StringCommand(
                *("set --", QuoteString(source), QuoteString(target), ";"),
                """[ -f "$1" ] && [ -f "$2" ] && [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]""",
                "|| echo differs",
            )
        )

    def read(self, said: Said) -> bool:
        """One word where they differ."""
        if said.lines not in ([], ["differs"]):
            raise unexpected(said.lines[0])
        return bool(said.lines)
