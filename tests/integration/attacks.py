"""What somebody with a login, or with a key of the CI, might try on the server, and what must refuse it.

Data only: how it is run stands in test_61_attacks.py. Every attack is one shell command; `says` is a pattern that
its output must have, so that it is refused for the right reason and not by a typing mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.integration.driver import HOME

LIBEXEC = "/usr/libexec/ostree-release"
COMPOSER = f"sudo -n {LIBEXEC}/composer"
PROMOTER = f"sudo -n -u ostree-prod {LIBEXEC}/promoter"
APPROVER = f"sudo -n -u ostree-prod {LIBEXEC}/approver"
STATE = "/var/lib/ostree-release"
BASE = "/srv/ostree/rpm-ostree"
CONFIG = "/etc/ostree-release"

# Who refuses: sudo, the role, the command line, the program, the kernel.
SUDO = r"sudo: .*(password|not allowed|not permitted)|not allowed to (execute|set|preserve)|Sorry, user"
ROLE = r"not for the role"
USAGE = r"usage: ostree-release"
OWN = r"(?m)^ostree-release: "
PLAIN = r"ostree-release: an argument is one line of at most"
KERNEL = r"Permission denied|Operation not permitted|cannot|denied|not permitted"
UNIT = (
    r"(?i)interactive authentication|access denied|not permitted|Failed to connect|authentication is required"
)

# Made in the home of every login: a place full of traps. Whatever obeys it makes the file TRAP.
TRAP = "/tmp/trapped"
TRAPS = f"""
rm -rf ~/traps; mkdir -p ~/traps/ostree_release ~/traps/bin ~/traps/.git; cd ~/traps
for module in json os gi argparse sitecustomize usercustomize ostree_release/__init__ ostree_release/__main__; do
    echo 'open("{TRAP}", "w")' > $module.py
done
for program in gpg ostree rpm-ostree systemctl journalctl git python3 sh; do
    printf '#!/bin/sh\\ntouch {TRAP}\\n' > bin/$program
done
chmod -R a+rx ~ ~/traps; chmod a+x bin/*
printf '[core]\\n\\tfsmonitor = touch {TRAP}\\n\\thooksPath = ~/traps/bin\\n' > .git/config
printf '{{"format": 2}}' > config.json
printf 'ref: {HOME}/stable\\npostprocess-script: touch {TRAP}\\n' > kinoite-dev.local.yaml
"""


@dataclass(frozen=True)
class Attack:
    """What is tried and how it must be refused."""

    command: str
    says: str


def _everybody() -> dict[str, Attack]:
    """What no login may do, whatever its role."""
    return {
        "root's shell": Attack("sudo -n /bin/sh -c id", SUDO),
        "root's login shell": Attack("sudo -n -i", SUDO),
        "sudo's shell": Attack("sudo -n -s", SUDO),
        "su": Attack("sudo -n su -c id", SUDO),
        "prod's shell": Attack("sudo -n -u ostree-prod /bin/sh -c id", SUDO),
        "the CI's shell": Attack("sudo -n -u ostree-ci /bin/sh -c id", SUDO),
        "the interpreter with the program": Attack(
            f"sudo -n /usr/bin/python3 {LIBEXEC}/composer status", SUDO
        ),
        "a path through the entry point": Attack(f"sudo -n {LIBEXEC}/composer/../../../bin/sh -c id", SUDO),
        "a path beside the entry point": Attack(f"sudo -n {LIBEXEC}/../../bin/sh -c id", SUDO),
        "the whole program": Attack("sudo -n /usr/sbin/ostree-release promote", SUDO),
        "the zipapp": Attack(f"sudo -n {LIBEXEC}/program/__main__.py promote", SUDO),
        "the CI's entry points": Attack(f"sudo -n -u ostree-prod {LIBEXEC}/ci-promoter attacks status", SUDO),
        "the CI's entry point as root": Attack(f"sudo -n {LIBEXEC}/ci-composer attacks compose dev", SUDO),
        "the forced command by hand": Attack(
            f"SSH_ORIGINAL_COMMAND='promote --to prod' {LIBEXEC}/ci attacks", SUDO
        ),
        "editing the configuration": Attack(f"sudo -n -e {CONFIG}/config.json", SUDO),
        "the program without sudo": Attack("/usr/sbin/ostree-release promote --to prod", OWN),
        "a role's program without sudo": Attack(f"{LIBEXEC}/promoter promote --to prod", OWN),
        "another configuration": Attack(
            "/usr/sbin/ostree-release --config ~/traps/config.json promote", USAGE
        ),
        "writing the configuration": Attack(f"echo x >> {CONFIG}/config.json", KERNEL),
        "replacing the configuration": Attack(f"mv ~/traps/config.json {CONFIG}/config.json", KERNEL),
        "a gate of one's own": Attack(
            f"mkdir -p {CONFIG}/gates.d && cp ~/traps/bin/sh {CONFIG}/gates.d/10-x", KERNEL
        ),
        "writing the journal": Attack(f"echo '{{}}' >> {STATE}/journal.jsonl", KERNEL),
        "replacing the journal": Attack(f"cp /dev/null {STATE}/journal.jsonl", KERNEL),
        "removing the journal": Attack(f"rm -f {STATE}/journal.jsonl", KERNEL),
        "moving a ref of prod": Attack(f"mkdir -p {BASE}/prod/refs/heads/fedora/x", KERNEL),
        "moving a ref of dev": Attack(
            f"ostree --repo={BASE}/dev refs --create={HOME}/x {HOME}/dev",
            KERNEL,
        ),
        "writing the repository's configuration": Attack(f"echo >> {BASE}/prod/config", KERNEL),
        "an object": Attack(f"touch {BASE}/prod/objects/x", KERNEL),
        "prod's signing key": Attack(f"cat {STATE}/keys/prod/private-keys-v1.d/*", KERNEL),
        "dev's signing key": Attack(f"ls {STATE}/keys/dev", KERNEL),
        "signing with prod's key": Attack(
            f"gpg --homedir {STATE}/keys/prod --batch --detach-sign -o /dev/null /etc/hostname", KERNEL
        ),
        "the server's TLS key": Attack(f"cat {CONFIG}/tls/server.key", KERNEL),
        "the CA's key": Attack(f"cat {CONFIG}/tls/ca.key", KERNEL),
        "another public key": Attack(f"echo x >> {BASE}/keys/prod.gpg", KERNEL),
        "a treefile": Attack("cp ~/traps/kinoite-dev.local.yaml /etc/rpm-ostree/treefiles/", KERNEL),
        "a treefile's change": Attack("echo >> /etc/rpm-ostree/treefiles/kinoite-dev.yaml", KERNEL),
        "a package repository": Attack("echo >> /etc/rpm-ostree/treefiles/kinoite.repo", KERNEL),
        "a link among the locks": Attack("ln -s /etc/passwd /run/ostree-release/prod.x", KERNEL),
        "a link for the run directory": Attack("mv /run/ostree-release /run/x", KERNEL),
        "taking a lock": Attack("flock -n /run/ostree-release/prod.writer true", KERNEL),
        "a request to compose": Attack(f"echo '{{}}' > {STATE}/compose/dev/request.json", KERNEL),
        "a link for the smoke pull": Attack(f"ln -s /etc {STATE}/smoke/x", KERNEL),
        "the cache of composes": Attack("touch /var/cache/ostree-release/dev/x", KERNEL),
        "the entry point itself": Attack(f"echo >> {LIBEXEC}/promoter", KERNEL),
        "a further entry point": Attack(f"cp ~/traps/bin/sh {LIBEXEC}/x", KERNEL),
        "a rule of sudo's": Attack("echo 'ALL ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/x", KERNEL),
        "the CI's keys": Attack(f"echo x >> {CONFIG}/ci/authorized_keys", KERNEL),
        "a key for the CI's home": Attack(f"mkdir {CONFIG}/ci/.ssh", KERNEL),
        "sshd's configuration": Attack("echo > /etc/ssh/sshd_config.d/99-x.conf", KERNEL),
        "starting a gate's unit": Attack(
            f"systemctl --no-ask-password start ostree-release-gate@{'0' * 32}.service", UNIT
        ),
        "starting a compose's unit": Attack(
            "systemctl --no-ask-password start ostree-release-compose@dev.service", UNIT
        ),
        "stopping the web server": Attack(
            "systemctl --no-ask-password stop apache2.service httpd.service", UNIT
        ),
        "a unit of one's own": Attack("systemd-run --no-ask-password --uid=0 /usr/bin/id", UNIT),
        "a unit file": Attack("echo > /etc/systemd/system/x.service", KERNEL),
        "an override of a unit": Attack(
            "mkdir /etc/systemd/system/ostree-release-compose@.service.d", KERNEL
        ),
    }


def _environment(entry: str) -> dict[str, Attack]:
    """What a caller of one's own entry point may not bring along."""
    sudo, _, program = entry.rpartition(" ")
    return {
        "a variable for Python": Attack(f"{sudo} PYTHONPATH=$HOME/traps {program} status", SUDO),
        "a variable for the loader": Attack(f"{sudo} LD_PRELOAD=$HOME/traps/x.so {program} status", SUDO),
        "a variable for libostree": Attack(f"{sudo} GI_TYPELIB_PATH=$HOME/traps {program} status", SUDO),
        "another identity": Attack(f"{sudo} SUDO_UID=0 {program} status", SUDO),
        "the whole environment": Attack(f"{sudo} -E {program} status", SUDO),
        "one's choice of the environment": Attack(
            f"PYTHONPATH=$HOME/traps {sudo} --preserve-env=PYTHONPATH {program} status", SUDO
        ),
        "another working directory": Attack(f"{sudo} -D $HOME/traps {program} status", SUDO),
        "another root": Attack(f"{sudo} -R $HOME/traps {program} status", SUDO),
        "another group": Attack(f"{sudo} -g root {program} status", SUDO),
        "open descriptors": Attack(f"{sudo} -C 10 {program} status", r"sudo: .*-C|not permitted"),
        "no subcommand": Attack(entry, USAGE),
        "the unit's subcommand": Attack(f"{entry} run-compose dev", ROLE),
        "the gates' subcommand": Attack(f"{entry} run-gate ../x", ROLE),
        "a key that clients would trust": Attack(f"{entry} keys introduce new", ROLE),
        "another key to sign with": Attack(f"{entry} keys use {'0' * 40}", ROLE),
        "a key less": Attack(f"{entry} keys withdraw {'0' * 40}", ROLE),
    }


def _arguments(entry: str) -> dict[str, Attack]:
    """What no entry point takes; they share the code, so one of them tries it all."""
    return {
        "an option before the subcommand": Attack(f"{entry} --config=$HOME/traps/config.json status", USAGE),
        "an option of the program": Attack(f"{entry} status --config $HOME/traps/config.json", USAGE),
        "a subcommand behind dashes": Attack(f"{entry} -- -c status", USAGE),
        "a subcommand with a path": Attack(f"{entry} ../status", USAGE),
        "a forged line": Attack(f"{entry} diff $'a\\nostree-release: done' b", PLAIN),
        "colours for the reader": Attack(f"{entry} diff $'\\e[2J' b", PLAIN),
        "letters from right to left": Attack(f"{entry} diff $'\\xe2\\x80\\xaegnp' b", PLAIN),
        "broken letters": Attack(f"{entry} diff $'\\xff\\xfe' b", PLAIN),
        "a long argument": Attack(f"{entry} diff $(printf %05000d 0) b", PLAIN),
        "the bill of materials of a file": Attack(f"{entry} sbom ../../../etc/passwd", OWN),
        "a file as an image": Attack(f"{entry} diff /etc/shadow {CONFIG}/tls/server.key", OWN),
        "an image outside": Attack(f"{entry} diff ../../../etc/passwd pilot", OWN),
        "an option as an image": Attack(f"{entry} diff -rf -- pilot", USAGE),
        "a repository's option as an image": Attack(f"{entry} diff -- --repo=/x pilot", OWN),
        "an environment outside": Attack(f"{entry} builds ../../etc", OWN),
    }


_NOT_A_COMPOSERS = {
    "promoting": Attack(f"{COMPOSER} promote", ROLE),
    "staging": Attack(f"{COMPOSER} stage", ROLE),
    "signing": Attack(f"{COMPOSER} sign", ROLE),
    "publishing": Attack(f"{COMPOSER} publish", ROLE),
    "checking": Attack(f"{COMPOSER} check", ROLE),
    "approving": Attack(f"{COMPOSER} approve 44.1 --reason x", ROLE),
    "holding": Attack(f"{COMPOSER} hold 44.1 --reason x", ROLE),
    "the promoter's program": Attack(f"{PROMOTER} status", SUDO),
    "the approver's program": Attack(f"{APPROVER} status", SUDO),
    "composing as prod": Attack(f"sudo -n -u ostree-prod {LIBEXEC}/composer status", SUDO),
    "a version outside": Attack(f"{COMPOSER} compose dev --version=../../x", OWN),
    "a version like an option": Attack(f"{COMPOSER} compose dev --version=-rf", OWN),
    "a version for a shell": Attack(f"{COMPOSER} compose dev --version='1;touch {TRAP}'", OWN),
    "a version with a substitution": Attack(f"{COMPOSER} compose dev --version='$(touch {TRAP})'", OWN),
    "a version of two lines": Attack(f"{COMPOSER} compose dev --version=$'1\\n2'", PLAIN),
    "a version in other letters": Attack(f"{COMPOSER} compose dev --version=٤٤", OWN),
    "a version as long as a file's name": Attack(f"{COMPOSER} compose dev --version=$(printf %0300d 1)", OWN),
    "a version of a release made again": Attack(f"{COMPOSER} compose dev --version=44.1.r2", OWN),
    "a unit's name": Attack(f"{COMPOSER} compose '../dev'", OWN),
    "another unit's name": Attack(f"{COMPOSER} compose 'dev.service --force'", OWN),
    "an instance's escape": Attack(f"{COMPOSER} compose 'dev\\x2d'", OWN),
    "composing prod": Attack(f"{COMPOSER} compose prod", OWN),
    "a treefile of one's own": Attack(
        f"{COMPOSER} compose dev --treefile ~/traps/kinoite-dev.local.yaml", USAGE
    ),
}

_NOT_A_PROMOTERS = {
    "composing": Attack(f"{PROMOTER} compose dev", ROLE),
    "approving": Attack(f"{PROMOTER} approve 44.1 --reason x", ROLE),
    "holding": Attack(f"{PROMOTER} hold 44.1 --reason x", ROLE),
    "the composer's program": Attack(f"{COMPOSER} compose dev", SUDO),
    "the approver's program": Attack(f"{APPROVER} approve 44.1 --reason x", SUDO),
    "promoting as root": Attack(f"sudo -n {LIBEXEC}/promoter promote", SUDO),
    "promoting to dev": Attack(f"{PROMOTER} promote --to dev", OWN),
    "another environment outside": Attack(f"{PROMOTER} promote --to ../dev", OWN),
    "a ring outside": Attack(f"{PROMOTER} promote --ring=../../heads/dev", OWN),
    "a ring like an option": Attack(f"{PROMOTER} promote --ring=-rf", OWN),
    "a ref as a ring": Attack(f"{PROMOTER} promote --ring={HOME}/stable", OWN),
    "a build outside": Attack(f"{PROMOTER} promote --build=../../../../etc/passwd", OWN),
    "a build like an option": Attack(f"{PROMOTER} promote --build --plan", USAGE),
    "a build for a shell": Attack(f"{PROMOTER} promote --build='$(touch {TRAP})'", OWN),
    "a build of two lines": Attack(f"{PROMOTER} promote --build=$'x\\ny'", PLAIN),
    "a reason of two lines": Attack(f'{PROMOTER} promote --reason=$\'x\\n{{"event": "done"}}\'', PLAIN),
    "a long reason": Attack(f"{PROMOTER} promote --reason=$(printf %0600d 0)", USAGE),
    "a shortened option": Attack(f"{PROMOTER} promote --bui=x", USAGE),
    "a candidate outside": Attack(f"{PROMOTER} sign --version=../../releases/x", OWN),
    "a candidate like an option": Attack(f"{PROMOTER} publish --version=-rf", OWN),
    "staging what is not a build": Attack(f"{PROMOTER} stage --build=-rf", OWN),
    "gpg as prod": Attack("sudo -n -u ostree-prod gpg --list-secret-keys", SUDO),
    "ostree as prod": Attack(f"sudo -n -u ostree-prod ostree --repo={BASE}/prod refs", SUDO),
}

_NOT_AN_APPROVERS = {
    "composing": Attack(f"{APPROVER} compose dev", ROLE),
    "staging": Attack(f"{APPROVER} stage", ROLE),
    "checking": Attack(f"{APPROVER} check", ROLE),
    "signing": Attack(f"{APPROVER} sign", ROLE),
    "publishing": Attack(f"{APPROVER} publish", ROLE),
    "promoting": Attack(f"{APPROVER} promote", ROLE),
    "the composer's program": Attack(f"{COMPOSER} compose dev", SUDO),
    "the promoter's program": Attack(f"{PROMOTER} promote", SUDO),
    "approving as root": Attack(f"sudo -n {LIBEXEC}/approver status", SUDO),
    "a candidate outside": Attack(f"{APPROVER} approve ../../x --reason x", OWN),
    "a candidate of two lines": Attack(f"{APPROVER} approve $'1\\n2' --reason x", PLAIN),
    "a gate outside": Attack(f"{APPROVER} approve 44.1 --override=../gates.d/x --reason x", OWN),
    "a gate for a shell": Attack(f"{APPROVER} approve 44.1 --override='x;touch {TRAP}' --reason x", OWN),
    "a gate of two lines": Attack(f"{APPROVER} approve 44.1 --override=$'a\\nb' --reason x", PLAIN),
    "a reason of two lines": Attack(f"{APPROVER} approve 44.1 --reason $'x\\ny'", PLAIN),
    "no reason": Attack(f"{APPROVER} approve 44.1", rf"{OWN}|{USAGE}"),
    "holding what nobody has": Attack(f"{APPROVER} hold ../../x --reason x", OWN),
    "holding two words": Attack(f"{APPROVER} hold --package='x; touch {TRAP}' --reason x", OWN),
    "holding two lines": Attack(f"{APPROVER} hold --package=$'x\\ny' --reason x", PLAIN),
    "releasing what is not held": Attack(f"{APPROVER} hold --content=../../x --release --reason x", OWN),
}

_NOT_A_VISITORS = {
    "composing": Attack(f"{COMPOSER} compose dev", SUDO),
    "promoting": Attack(f"{PROMOTER} promote", SUDO),
    "approving": Attack(f"{APPROVER} status", SUDO),
}

# Login -> what it tries, all in one session.
ATTACKS = {
    "visitor": {**_everybody(), **_NOT_A_VISITORS},
    "composer": {**_everybody(), **_environment(COMPOSER), **_arguments(COMPOSER), **_NOT_A_COMPOSERS},
    "promoter": {**_everybody(), **_environment(PROMOTER), **_NOT_A_PROMOTERS},
    "approver": {**_everybody(), **_environment(APPROVER), **_NOT_AN_APPROVERS},
}

# What a login may run, from a place full of traps: it works, and nothing of that place has an effect.
WORKS = {
    "composer": f"{COMPOSER} builds dev --json",
    "promoter": f"{PROMOTER} status --json",
    "approver": f"{APPROVER} status --json",
}
TRAPPED = (
    "umask 0; cd ~/traps; exec 9< /etc/hostname; PATH=$HOME/traps/bin:$PATH PYTHONPATH=$HOME/traps PYTHONHOME=$HOME/traps"
    " PYTHONSTARTUP=$HOME/traps/os.py LD_LIBRARY_PATH=$HOME/traps GI_TYPELIB_PATH=$HOME/traps"
    " GIO_EXTRA_MODULES=$HOME/traps http_proxy=http://127.0.0.1:9 GNUPGHOME=$HOME/traps SUDO_UID=0 SUDO_USER=root /usr/bin/"
)


@dataclass(frozen=True)
class CiAttack:
    """Options and command of an ssh to the CI's user."""

    command: str | None
    says: str
    options: tuple[str, ...] = ()


GIVEN = ("status", "promote", "report-health")
_NOT_GIVEN = r"ostree-release: .*key attacks may run"
_NO_TERMINAL = "PTY allocation request failed"
_FORWARDING = r"(?i)prohibited|forwarding failed|forwarding request failed|refused|open failed"

CI_ATTACKS = {
    "no command": CiAttack(None, "there is no shell"),
    "a shell": CiAttack("sh", _NOT_GIVEN),
    "a shell with a terminal": CiAttack("bash -i", _NO_TERMINAL, ("-tt",)),
    "a login with a terminal": CiAttack(None, _NO_TERMINAL, ("-tt",)),
    "a further command": CiAttack("status; id", _NOT_GIVEN),
    "a command after success": CiAttack("status && id", USAGE),
    "a pipe": CiAttack("status | sh", USAGE),
    "a redirection": CiAttack(f"status > {TRAP}", USAGE),
    "a substitution": CiAttack(f"status $(touch {TRAP})", USAGE),
    "a background job": CiAttack("status & id", USAGE),
    "a second line": CiAttack("status\nid", "one line"),
    "an open quote": CiAttack("status 'id", _NOT_GIVEN),
    "a path": CiAttack(f"{LIBEXEC}/promoter promote", _NOT_GIVEN),
    "sudo": CiAttack("sudo -n id", _NOT_GIVEN),
    "dashes": CiAttack(" -- status", _NOT_GIVEN),
    "an option": CiAttack(" -h", _NOT_GIVEN),
    "another's subcommand": CiAttack("compose dev", _NOT_GIVEN),
    "approving": CiAttack("approve 44.1 --reason x", _NOT_GIVEN),
    "holding": CiAttack("hold 44.1 --reason x", _NOT_GIVEN),
    "the unit's subcommand": CiAttack("run-compose dev", _NOT_GIVEN),
    "the gates' subcommand": CiAttack("run-gate x", _NOT_GIVEN),
    "a build outside": CiAttack("promote --build=../../../../etc/passwd", OWN),
    "another configuration": CiAttack("promote --config=/tmp/x", USAGE),
    "a long command": CiAttack("status " + "x" * 5000, "at most"),
    "another command by a variable": CiAttack("sh", _NOT_GIVEN, ("-o", "SetEnv=SSH_ORIGINAL_COMMAND=status")),
    "a variable for Python": CiAttack("sh", _NOT_GIVEN, ("-o", "SetEnv=PYTHONPATH=/tmp")),
    # sshd sends nothing back of what goes wrong in a subsystem.
    "the sftp subsystem": CiAttack("sftp", r"\A\Z", ("-s",)),
    "copying with scp's protocol": CiAttack("scp -t /tmp", _NOT_GIVEN),
    "an sftp server": CiAttack("/usr/lib/openssh/sftp-server", _NOT_GIVEN),
    "rsync": CiAttack("rsync --server . /tmp", _NOT_GIVEN),
    "git": CiAttack("git-upload-pack /tmp", _NOT_GIVEN),
    # What -L and -D do for each connection.
    "a connection through the server": CiAttack(None, _FORWARDING, ("-W", "127.0.0.1:8443")),
    "a port of the server": CiAttack(
        "status", _FORWARDING, ("-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22")
    ),
    "a socket of the server": CiAttack(
        "status", _FORWARDING, ("-o", "ExitOnForwardFailure=yes", "-R", "/tmp/x.sock:127.0.0.1:22")
    ),
}
