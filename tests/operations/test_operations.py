"""Every operation of tasks.operations on given facts: one folder per operation, one file per case."""

from pathlib import Path

from pyinfra_testing.operations import make_operation_tests

for folder in sorted(each for each in Path(__file__).parent.iterdir() if "." in each.name and each.is_dir()):
    globals()[f"Test{folder.name}"] = make_operation_tests("tasks.operations", folder.name, folder)
