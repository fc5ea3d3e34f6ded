"""A Python that has loaded the program once and runs each piece of code in a fork of itself.

A fork is a process like any other: what it patches, locks, becomes or is killed by ends with it. It only
spares starting an interpreter and loading libostree anew, which is most of what a short run costs.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Begins no thread, because only the thread that forks goes on in the fork.
_CODE = """
import _strptime, contextlib, gc, importlib, json, os, pkgutil, sys, tempfile, traceback
sys.path.insert(0, {place!r})
import ostree_release
for module in pkgutil.walk_packages(ostree_release.__path__, "ostree_release."):
    importlib.import_module(module.name)

from gi.repository import Gio, GLib, OSTree
from ostree_release import commands
commands.parser(commands.names())
for name in dir(OSTree):
    getattr(OSTree, name)
with tempfile.TemporaryDirectory() as folder, contextlib.suppress(GLib.Error):
    repo = OSTree.Repo.new(Gio.File.new_for_path(folder))
    repo.create(OSTree.RepoMode.ARCHIVE, None)
    nothing = GLib.Bytes.new(b"")
    repo.gpg_verify_data(None, nothing, nothing, None, None, None)  # gpgme asks gpg what it is only once

def fork():
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            return json.loads(line)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    os._exit(0)

gc.freeze()
asked = fork()
for descriptor, name in enumerate(("input", "output", "error")):
    os.dup2(os.open(os.path.join(asked["folder"], name), os.O_RDWR | os.O_CREAT), descriptor)
os.environ.clear()
os.environ.update(asked["environment"])
status = 1
try:
    exec(asked["code"], {{"__name__": "__main__"}})
    status = 0
except SystemExit as end:
    status = end.code
except BaseException:
    traceback.print_exc()
finally:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # at once: ending the interpreter properly would cost more than the fork
"""


class Forks:
    """Begins with a process that ends with ours; place: where the package ostree_release is."""

    def __init__(self, place: Path) -> None:
        command = [sys.executable, "-I", "-c", _CODE.format(place=str(place))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self._process.communicate)

    def run(
        self,
        code: str,
        input: str | bytes = "",  # noqa: A002 - as subprocess names it
        env: Mapping[str, str] = os.environ,
    ) -> subprocess.CompletedProcess[str]:
        """Run Python code in a process of its own; returns its exit status and what it printed."""
        assert self._process.stdin
        assert self._process.stdout
        with tempfile.TemporaryDirectory(prefix="ostree-release-fork-") as name:
            folder = Path(name)
            (folder / "input").write_bytes(input if isinstance(input, bytes) else input.encode())
            asked = {"folder": name, "code": code, "environment": dict(env)}
            print(json.dumps(asked), file=self._process.stdin, flush=True)
            status = int(self._process.stdout.readline())
            output, error = ((folder / each).read_text(encoding="utf-8") for each in ("output", "error"))
            return subprocess.CompletedProcess(["fork"], status, output, error)
