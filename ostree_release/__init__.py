"""The program on the repository server: composes, promotes and reports, with libostree and nothing else."""

PROGRAM = "ostree-release"
