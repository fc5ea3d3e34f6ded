"""pyinfra, with what it runs on hosts noted in a file: python -m bench.recording FILE ARGUMENTS."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Run pyinfra's own command line."""
    pyinfra = importlib.import_module("pyinfra_cli.main").main  # first: it patches what paramiko builds on
    import paramiko

    noted = Path(sys.argv.pop(1))
    really = paramiko.Channel.exec_command

    def noting(self: paramiko.Channel, command: Any) -> None:
        with noted.open("a", encoding="utf-8") as file:
            file.write((command if isinstance(command, str) else command.decode()) + "\0")
        really(self, command)

    paramiko.Channel.exec_command = noting  # type: ignore[method-assign]
    sys.argv[0] = "pyinfra"
    pyinfra()


if __name__ == "__main__":
    main()
