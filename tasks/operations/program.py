"""A Python program that is shipped as one zipapp, and how a server unpacks and compiles it."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from posixpath import dirname

from tasks.facts.managed_files import SEAL
from tasks.operations.remote_script import quoted


@dataclass(frozen=True)
class Program:
    """A zipapp, unpacked and compiled in a folder that has its SHA-256 as name; `path` is a link to that one.

    What runs stays as it was: each version has a folder of its own, the one before is kept, and it is found
    through the link, which is switched in one step. Every file is root's, for everybody to read.
    """

    path: str
    zipapp: bytes
    interpreter: str

    @cached_property
    def version(self) -> str:
        """The zipapp's SHA-256: the name of its folder, and what the link points to."""
        return sha256(self.zipapp).hexdigest()

    @property
    def folder(self) -> str:
        """Where it is unpacked: beside the link."""
        return f"{dirname(self.path)}/{self.version}"

    @property
    def line(self) -> str:
        """The shell line that makes the folder, with the functions of INSTALL and the zipapp to read."""
        return f"program {quoted(self.path, self.version, self.interpreter)}"


# A folder is complete before its name shows it, and sealed: whatever changes in it is noticed, and it is then
# replaced as a whole. Python uses a compiled file that names the hash of its source: another time, after a
# restore say, does not make it slow, and a source that somebody changes is not ignored either.
INSTALL = f"""\
{SEAL}\
program() (
  umask 022; parent=${{1%/*}}
  exec 9<"$parent"; flock 9
  current=$(readlink -- "$1") || true
  # Whole already: only the link was not, or another run was first.
  if sealed "$parent/$2" "$3"; then
    read_content >/dev/null; link "$1" "$2"; exit
  fi
  work=$parent/.program; trap 'rm -rf -- "$work"' EXIT
  rm -rf -- "$work"; mkdir -- "$work"; read_content >"$work/zipapp"
  echo "$2  $work/zipapp" | sha256sum --check --quiet - >&2
  "$3" -I -m zipfile -e "$work/zipapp" "$work/$2"
  "$3" -I -m compileall -q --invalidation-mode checked-hash -s "$work" -p "$parent" "$work/$2" >&2
  seal "$work/$2" "$3" >"$work/seal"; mv -- "$work/seal" "$work/$2/.seal"; sync -f -- "$work"
  if [ -e "$parent/$2" ] || [ -L "$parent/$2" ]; then mv -T -- "$parent/$2" "$work/old"; fi
  mv -T -- "$work/$2" "$parent/$2"; link "$1" "$2"
  [ "$current" = "$2" ] ||
    find "$parent" -mindepth 1 -maxdepth 1 -regextype posix-extended -regex '.*/[0-9a-f]{{64}}' \\
      ! -name "$2" ! -name "${{current##*/}}" -exec rm -rf -- {{}} +
)
"""
