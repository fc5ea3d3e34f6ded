"""Every program that is started on a server or a client comes from a package that is there."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from tasks.operations import signing_keys
from tasks.server.platforms import DEBIAN, RED_HAT, Platform
from tasks.server.signing import backup_command
from tasks.settings.load import server_settings
from tests.unit import shell_programs
from tests.unit.every_fact import all_facts, arguments
from tests.unit.settings_cases import NAME, valid

ROOT = Path(__file__).parents[2]

# Packages of the Red Hat family and of Debian: programs of theirs.
PROGRAMS: dict[tuple[str | None, str | None], str] = {
    ("coreutils", "coreutils"): (
        "base64 cat chmod chown cp cut date df head id install ln ls mkdir mktemp mv paste readlink rm"
        " sha256sum sleep sort stat sync timeout tr uname"
    ),
    ("bash", "dash"): "sh",
    ("dnf", None): "dnf",
    (None, "apt"): "apt-get",
    (None, "dpkg"): "dpkg-query",
    ("findutils", "findutils"): "find xargs",
    ("firewalld", "firewalld"): "firewall-cmd",
    ("gawk", "mawk"): "awk",
    ("glibc-common", "libc-bin"): "getent",
    ("gnupg2", "gnupg"): "gpg gpg-connect-agent gpgconf",
    ("grep", "grep"): "grep",
    ("httpd", None): "httpd",
    (None, "apache2"): "apache2ctl",
    ("iproute", "iproute2"): "ip",
    ("openssh-server", "openssh-server"): "sshd",
    ("openssl", "openssl"): "openssl",
    ("ostree", "ostree"): "ostree",
    ("policycoreutils", "policycoreutils"): "setfiles",
    ("policycoreutils-python-utils", "policycoreutils-python-utils"): "semanage",
    ("python3", "python3"): "python3",
    ("rpm", "rpm"): "rpm",
    ("rpm-ostree", None): "rpm-ostree",
    ("sed", "sed"): "sed",
    ("shadow-utils", "passwd"): "gpasswd groupadd useradd",
    ("sudo", "sudo"): "sudo visudo",
    ("systemd", "systemd"): "busctl journalctl systemctl systemd-detect-virt timedatectl",
    ("tar", "tar"): "tar",
    ("util-linux", "util-linux"): "flock runuser",
}

# In every install, also the smallest, and why; so the platform table does not name them.
EVERYWHERE = {
    RED_HAT.name: {
        "bash": "the shell of root's, and of every package's scripts",
        "coreutils": "every package's scripts need it; as coreutils-single in the smallest",
        "dnf": "it installs the others; the package is dnf5 from Fedora 41 on",
        "glibc-common": "glibc requires it",
        "openssh-server": "deploy.py came in through it",
        "rpm": "dnf is made of it",
        "systemd": "it is PID 1 of a server",
    },
    DEBIAN.name: {
        **dict.fromkeys(
            ("coreutils", "dash", "dpkg", "findutils", "grep", "libc-bin", "sed", "tar"), "essential"
        ),
        "mawk": "base-files, which is essential, needs an awk",
        "passwd": "of priority required, which every way to install Debian takes",
        "apt": "it installs the others",
        "openssh-server": "deploy.py came in through it",
        "systemd": "it is PID 1 of a server",
    },
}
# Asked only where it is there: without it nothing is opened, and that is said.
OPTIONAL = {"firewalld"}

# A client is what its image has. Kinoite has these: the first four make an rpm-ostree system what it is.
ON_CLIENTS = {"rpm-ostree", "ostree", "systemd", "coreutils", "bash", "sed", "sudo"}

# Programs that cases of operations and of facts make up, the functions that they leave out, and our own.
MADE_UP = {"query", "app", "certificate", "PRELUDE", "KEEP"}
OURS = {"ostree-release", "composer", "promoter", "approver"}
# Stands for what Python puts into a script.
WORD = "X"

CLIENT_FACTS = {"ClientState", "PublishedRef"}
CLIENT_FILES = (
    "tasks/operations/ostree.py",
    "tasks/operations/rpm_ostree.py",
    "tasks/operations/health_reports.py",
)


def filled(template: Path) -> str:
    """Return a template of a script with a word for every value."""
    return re.sub(r"\{\{.*?\}\}", WORD, template.read_text(encoding="utf-8"))


def scripts_of_facts() -> Iterator[tuple[str, str]]:
    for fact in all_facts():
        command = fact().command(**arguments(fact, f"/{WORD}"))
        yield fact.__name__, command if isinstance(command, str) else command.get_raw_value()


def scripts_of_cases() -> Iterator[tuple[str, str]]:
    """The commands that the tests of operations expect."""
    for case in sorted((ROOT / "tests/operations").glob("*/*.yaml")):
        for command in yaml.safe_load(case.read_text(encoding="utf-8"))["commands"]:
            text = command.get("command") if isinstance(command, dict) else command
            if isinstance(text, str):
                yield str(case.relative_to(ROOT)), text


def text_of(node: ast.AST) -> str | None:
    """Return what an expression has of literal text, with a word for each value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(each) or WORD for each in node.values)
    if isinstance(node, ast.Starred):
        return text_of(node.value)
    if isinstance(node, ast.Tuple | ast.List):
        return " ".join(text_of(each) or WORD for each in node.elts)
    return None


def _yields_commands(function: ast.FunctionDef) -> bool:
    returned = ast.unparse(function.returns or function.args)
    return any(kind in returned for kind in ("Generator[str", "Iterator[str]", "Commands"))


def scripts_of_module(path: Path) -> Iterator[str]:
    """Shell in Python: lines of generators of text, what is made or called a command, checks, constants."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        found: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef) and path.parent.name == "operations" and _yields_commands(node):
            found = [each.value for each in ast.walk(node) if isinstance(each, ast.Yield)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("script", "as_root", "StringCommand"):
            found = [ast.List(node.args)]
        elif isinstance(node, ast.Assign | ast.keyword):
            name = node.arg if isinstance(node, ast.keyword) else ast.unparse(node.targets[0])
            found = [node.value] if name in ("check", "command", "validate") else []
        yield from filter(None, (text_of(each) for each in found if each is not None))
    names = {ast.unparse(node.targets[0]) for node in tree.body if isinstance(node, ast.Assign)}
    if any(name.lstrip("_").isupper() for name in names):
        values = vars(import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)))
        for name in sorted(names & values.keys()):
            # One line may be anything; more than one are a script.
            if isinstance(values[name], str) and "\n" in values[name]:
                yield values[name]


def scripts_of_source() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "tasks").rglob("*.py")):
        # What stands in that one is put around each fact's command, and read with it.
        for text in scripts_of_module(path) if path.name != "command_output.py" else ():
            yield str(path.relative_to(ROOT)), text


def scripts_of_platform(platform: Platform) -> Iterator[tuple[str, str]]:
    yield "installed", platform.installed.format(names=WORD)
    yield "install", platform.install.format(names=WORD)
    yield "test", platform.httpd.test


def scripts_of_templates() -> Iterator[tuple[str, str]]:
    for template in sorted((ROOT / "templates/libexec").glob("*.sh.j2")):
        yield template.name, filled(template)
    for template in sorted((ROOT / "templates/systemd").glob("*.j2")):
        for line in re.findall(r"^Exec\w+=[-+!@:]*(.*)", filled(template), re.MULTILINE):
            yield template.name, line


def programs_of_the_server() -> set[str]:
    """What ostree_release starts: first words of what it gives to subprocess, or names `command`."""
    return {
        program
        for path in sorted((ROOT / "ostree_release").rglob("*.py"))
        for program in programs_of_module(ast.parse(path.read_text(encoding="utf-8")), path.name)
    }


def programs_of_module(tree: ast.Module, name: str) -> Iterator[str]:
    runners = {"subprocess.run", "subprocess.Popen", "programs.run"}
    # Functions that hand all their words on.
    runners |= {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.args.vararg and node.args.vararg.arg == "command"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in runners:
            first = node.args[0]
            assert isinstance(first, ast.List | ast.Tuple | ast.Constant | ast.Starred) or (
                ast.unparse(first) == "command"
            ), f"{name}: {ast.unparse(node)}: what it starts must be written there, or be called command"
            yield from first_word(first)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("command", "_SUDO"):
            yield from first_word(node.value)
        elif isinstance(node, ast.FunctionDef) and node.name == "_command":
            for each in ast.walk(node):
                if isinstance(each, ast.Return) and each.value is not None:
                    yield from first_word(each.value)


def first_word(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.List | ast.Tuple) and node.elts:
        node = node.elts[0]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value.rpartition("/")[2]


def started(scripts: Iterator[tuple[str, str]]) -> dict[str, str]:
    """Programs that scripts start, each with a place; the functions of one are known to the others."""
    read = [(place, shell_programs.read(text)) for place, text in scripts]
    functions = {name for _, script in read for name in script.functions}
    programs = {name: place for place, script in read for name in script.programs - functions}
    return {name: programs[name] for name in programs.keys() - MADE_UP - OURS - {WORD}}


@functools.cache
def started_on_servers(platform: Platform) -> dict[str, str]:
    def scripts() -> Iterator[tuple[str, str]]:
        yield from scripts_of_facts()
        yield from scripts_of_cases()
        yield from scripts_of_source()
        yield from scripts_of_platform(platform)
        yield from scripts_of_templates()
        # What a person is told to type there.
        yield "backup", backup_command(server_settings(valid(), NAME), "server").partition(" | ")[0]

    found = started(scripts()) | dict.fromkeys(programs_of_the_server(), "ostree_release")
    found.pop("ssh")  # on the laptop
    return found


def package_of(program: str, platform: Platform) -> str | None:
    column = (RED_HAT, DEBIAN).index(platform)
    found = [packages[column] for packages, programs in PROGRAMS.items() if program in programs.split()]
    assert found, f"{program}: no package is known for it; is it in every minimal install?"
    return found[0]


@pytest.mark.parametrize("platform", [RED_HAT, DEBIAN], ids=lambda platform: platform.name)
def test_every_program_is_in_a_package_that_deploy_installs_or_that_is_everywhere(platform: Platform) -> None:
    listed = {*platform.packages, *platform.selinux_packages, *(platform.compose_packages or ())}
    there = listed | EVERYWHERE[platform.name].keys() | OPTIONAL
    found = started_on_servers(platform)
    assert len(found) > 50, "scripts are no longer found"
    missing = {
        program: (package, place)
        for program, place in found.items()
        if (package := package_of(program, platform)) not in there
        # rpm-ostree on Debian is the administrator's; the lab has a stand-in.
        and (program, platform) != ("rpm-ostree", DEBIAN)
    }
    assert missing == {}


@pytest.mark.parametrize("platform", [RED_HAT, DEBIAN], ids=lambda platform: platform.name)
def test_what_is_everywhere_is_not_listed_too(platform: Platform) -> None:
    assert EVERYWHERE[platform.name].keys().isdisjoint(platform.packages)


def test_the_table_has_nothing_that_is_not_started() -> None:
    found = started_on_servers(RED_HAT).keys() | started_on_servers(DEBIAN).keys()
    assert {program for programs in PROGRAMS.values() for program in programs.split()} - found == set()


def test_a_client_needs_nothing_but_what_its_image_has() -> None:
    def scripts() -> Iterator[tuple[str, str]]:
        yield from (each for each in scripts_of_facts() if each[0] in CLIENT_FACTS)
        yield from (
            each
            for each in scripts_of_source()
            if each[0] in CLIENT_FILES or each[0].startswith("tasks/client/")
        )
        yield "health", filled(ROOT / "templates/libexec/health.sh.j2")

    found = started(scripts())
    assert {"rpm-ostree", "base64", "systemctl", "timeout"} <= found.keys()
    assert {program: package_of(program, RED_HAT) for program in found}.items() <= {
        program: package for program in found if (package := package_of(program, RED_HAT)) in ON_CLIENTS
    }.items()


@pytest.mark.parametrize(
    ("script", "programs"),
    [
        ("cmp -s a b", "cmp"),
        ("if ! cmp -s a b; then echo x; fi", "cmp"),
        ('x=$(sed s/a/b/ "$(readlink y)")', "sed readlink"),
        ("case $x in a) file y ;; *) : ;; esac", "file"),
        ("a() { diff x y; }; a", "diff"),
        ("sudo -n -u prod rsync x", "sudo rsync"),
        ("runuser -u me -- gpg2 --list", "runuser gpg2"),
        ("find . -name x -exec xz -d {} +", "find xz"),
        ("printf x | xargs -0 -r lsattr", "xargs lsattr"),
        ("timeout 5 curl x", "timeout curl"),
        ("sudo -n sh -c 'jq . <x; cat y' sh z", "sudo sh jq cat"),
        ("LC_ALL=C /usr/bin/bc <<'END'\ndiff x\nEND", "bc"),
        ("awk '{ system(\"x\") }' y >/z 2>&1 || exit 1", "awk"),
        ("# diff\necho diff 'x; diff y' \"diff\"", ""),
        ('"$1" -V; command -v diff', ""),
    ],
)
def test_programs_are_found_where_they_stand(script: str, programs: str) -> None:
    assert shell_programs.read(script).programs == set(programs.split())


def test_shell_in_python_is_found(tmp_path: Path) -> None:
    module = tmp_path / "operations/module.py"
    module.parent.mkdir()
    module.write_text(
        "def lines(port) -> Iterator[str]:\n    yield f'nmap {port}'\n"
        "def other():\n    yield script('; '.join(x), y)\n    yield StringCommand(*('rsync', quoted(y)), z)\n"
        "declared(File(x, validate='xmllint'), check=f'nginx {x}')\n"
    )
    scripts = scripts_of_module(module)
    found = {program for text in scripts for program in shell_programs.read(text).programs}
    assert found - {WORD} == {"nmap", "rsync", "xmllint", "nginx"}
    constants = {text for place, text in scripts_of_source() if place == "tasks/operations/signing_keys.py"}
    assert signing_keys.PRELUDE in constants


def test_programs_of_the_server_are_found() -> None:
    source = (
        "subprocess.run(['jq', x])\ncommand = ('xz', y)\nsubprocess.Popen(command)\n"
        "def _run(*command): subprocess.run(command)\n_run('bc', '-l')\n"
        "def _command(): return ('diff', x)\n"
    )
    assert set(programs_of_module(ast.parse(source), "x.py")) == {"jq", "xz", "bc", "diff"}
    with pytest.raises(AssertionError, match="must be written there"):
        list(programs_of_module(ast.parse("subprocess.run(x)"), "x.py"))
