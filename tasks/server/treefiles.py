"""What is composed: a treefile for every composed environment, and the package repositories it uses."""

from __future__ import annotations

import yaml
from pyinfra.api import deploy

from tasks.operations import managed_files
from tasks.operations.managed_files import Directory, File
from tasks.server import places
from tasks.settings import Environment, Server
from tasks.templates import render

# What rpm-ostree calls in-tree scripts runs with this in front, so that a failing command fails the compose.
SHELL = "#!/usr/bin/bash\nset -xeuo pipefail\n"


@deploy("Treefiles")
def write_treefiles(settings: Server) -> None:
    """Write treefiles and .repo files; those of an environment that is switched off go, local ones stay."""
    composed = [each for each in settings.environments if each.composed]
    managed_files.declared(
        name="Treefiles and package repositories",
        directories=[Directory(settings.treefile_directory)],
        files=[
            *(File(places.treefile(settings, each), treefile_text(settings, each)) for each in composed),
            File(f"{settings.treefile_directory}/{settings.image_name}.repo", repositories_text(settings)),
        ],
        absent=[places.treefile(settings, each) for each in settings.disabled if each.composed],
    )


def treefile_text(settings: Server, environment: Environment) -> str:
    """Render an environment's treefile."""
    return render(
        "treefiles/treefile.yaml.j2",
        body=yaml.safe_dump(treefile(settings, environment), sort_keys=False, allow_unicode=True, width=100),
        local=places.treefile(settings, environment).replace(".yaml", ".local.yaml").rpartition("/")[2],
        managed=places.treefile(settings, environment).rpartition("/")[2],
    )


def treefile(settings: Server, environment: Environment) -> dict[str, object]:
    """Give an environment's treefile as rpm-ostree's keys and values."""
    packages = dict.fromkeys([*settings.packages, *environment.packages])
    excluded = dict.fromkeys([*settings.exclude_packages, *environment.exclude_packages])
    keys: dict[str, object] = {
        "ref": environment.ref,
        "releasever": str(settings.fedora_release),
        "repos": list(settings.package_repositories),
        "selinux": True,
        "documentation": False,
        "boot-location": "modules",
        "tmp-is-dir": True,
        "recommends": False,
        # By default the second compose fails: "failed to merge entries into /etc/passwd".
        "preserve-passwd": False,
        "packages": list(packages),
    }
    if excluded:
        keys["exclude-packages"] = list(excluded)
    if settings.postprocess_commands:
        keys["postprocess"] = [SHELL + "".join(f"{line}\n" for line in settings.postprocess_commands)]
    return {**keys, **settings.treefile_options}


def repositories_text(settings: Server) -> str:
    """Render the package repositories as yum has them."""
    return render("yum.repos.d/packages.repo.j2", repositories=settings.package_repositories)
