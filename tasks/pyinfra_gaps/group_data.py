"""Group data that Python cannot read, in one line.

Unnecessary once pyinfra names the file and the reason itself (3.10.0 ends in a traceback).
"""

import ast
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

_OURS = ("tasks", "ostree_release")


def unreadable(folders: Iterable[Path]) -> Iterator[str]:
    """Yield a line for each file of group data with a mistake in it, or of another version of this project.

    + folders: those that pyinfra reads; one that is not there has no files
    """
    for path in (path for folder in folders for path in sorted(folder.glob("*.py"))):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError) as error:
            where = f"{path}:{error.lineno}" if isinstance(error, SyntaxError) else str(path)
            yield f"{where}: {getattr(error, 'msg', error)}: this is no Python"
            continue
        for name in _imported(tree):
            if name.partition(".")[0] in _OURS and not _is_there(name):
                yield (
                    f"{path}: imports {name}, which this version has not got: take its group_data/all.py"
                    " as it is, and keep what differs in files of your own (docs/settings.md)"
                )
                break


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
