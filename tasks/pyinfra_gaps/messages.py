"""What operations tell the person who runs them.

Unnecessary once the host of a test of operations (pyinfra-testing 0.2.1) can log, as pyinfra's own hosts do.
"""

from pyinfra import logger
from pyinfra.api.output import format_text
from pyinfra.context import host


def tell(line: str) -> None:
    """Show a line beside the host's name."""
    logger.info(f"{host.print_prefix}{line}")


def warn(line: str) -> None:
    """Show a line that somebody should act on."""
    logger.warning(f"{host.print_prefix}{format_text(line, 'yellow')}")
