"""The program on the repository server: composes, promotes and reports, with the standard library and libostree only."""

PROGRAM = "ostree-release"
