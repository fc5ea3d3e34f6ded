"""What is due about the server's certificates, in the words of the script that keeps them."""

from __future__ import annotations

from pyinfra.api import FactBase, QuoteString, StringCommand


class CertificatesDue(FactBase[list[str]]):
    """One line for each thing that is missing, expires soon or does not fit.

    + program: the script on the server
    """

    @staticmethod
    def default() -> list[str]:
        """Nothing is due."""
        return []

    def command(self, program: str) -> StringCommand:
        """Ask the script; where there is none yet, everything is due."""
        path = QuoteString(program)
        return StringCommand("if test -x", path, "; then", path, "--check; else echo everything; fi; true")

    def process(self, output: list[str]) -> list[str]:
        """One reason a line."""
        return output


class CopyDiffers(FactBase[bool]):
    """Whether one file of the server is not the same as another one.

    + source: file that is copied
    + target: its copy
    """

    @staticmethod
    def default() -> bool:
        """They are the same."""
        return False

    def command(self, source: str, target: str) -> StringCommand:
        """Compare checksums: `cmp` is not in every minimal install."""
        return StringCommand(
            *("set --", QuoteString(source), QuoteString(target), ";"),
            """[ -f "$1" ] && [ -f "$2" ] && [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]""",
            "|| echo differs; true",
        )

    def process(self, output: list[str]) -> bool:
        """Any line means that they differ."""
        return bool(output)
