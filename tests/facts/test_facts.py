"""Every fact of tasks.facts on recorded output: one folder per fact, one file per case."""

from pathlib import Path

from pyinfra_testing.facts import make_fact_tests

for folder in sorted(each for each in Path(__file__).parent.iterdir() if "." in each.name and each.is_dir()):
    globals()[f"Test{folder.name}"] = make_fact_tests("tasks.facts", folder.name, folder)
