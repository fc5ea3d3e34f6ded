"""What is due about the server's certificates, in the words of the script that keeps them."""

from __future__ import annotations

import re

from pyinfra.api import QuoteString, StringCommand

from tasks.facts.said import Reading, Said, asked, unexpected

_CHECKSUM = re.compile(r"[0-9a-f]{64}  -")


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
        """Print checksums: `cmp` is not in every minimal install."""
        return asked(
            StringCommand(
                *("set --", QuoteString(source), QuoteString(target), ";"),
                'for path in "$@"; do [ ! -f "$path" ] || sha256sum <"$path" || exit; done',
            )
        )

    def read(self, said: Said) -> bool:
        """One checksum for each file that is there."""
        for line in said.lines:
            if not _CHECKSUM.fullmatch(line):
                raise unexpected(line)
        if len(said.lines) > 2:
            raise unexpected(said.lines[2])
        return len(said.lines) < 2 or said.lines[0] != said.lines[1]
