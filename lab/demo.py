"""The whole story in a lab, with commands a reader can type; it ends at the first thing that is wrong."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Sequence

from lab import connection, state
from lab.client_reading import Reading, read_client, wrong_key_script
from lab.errors import LabError
from lab.state import Lab, State

_INVENTORY = "inventories/lab.py"
# Seconds that one command may take; then it is ended, and the story with it.
_TIMEOUT = 900.0
# What pyinfra says in every run, whatever happens; left out so that the rest can be read as it goes by.
_ROUTINE = re.compile(
    r"--> (Loading|Connecting|Preparing|Skipping|Beginning|Disconnecting|Starting operation)"
    r"|    Loading: |\s+\[\w+\]\s+(Connected|Ready: .*|Skipped|Success)$"
)


class Narrator:
    """Numbers the steps, shows every command, and runs it as the reader would."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._step = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        print(f"\n[{time.monotonic() - self.began:4.0f} s] {self._step}. {title}", flush=True)

    def tell(self, text: str) -> None:
        """Say one thing about what was just seen."""
        print(f"   {text}", flush=True)

    def expect(self, condition: bool, wanted: str) -> None:
        """Say that something is as it should be, or end the story because it is not."""
        if not condition:
            raise LabError(f"the demo stops in step {self._step}, because this is not so: {wanted}")
        self.tell(f"as it should be: {wanted}")

    def run(self, *command: str) -> str:
        """Run a command that must succeed; return what it printed."""
        code, output = self._show(command)
        if code != 0:
            raise LabError(f"the demo stops in step {self._step}: the command above ended with {code}")
        return output

    def refused(self, *command: str) -> str:
        """Run a command that must be refused; return what it printed."""
        code, output = self._show(command)
        self.expect(code != 0, f"this was refused (exit status {code})")
        return output

    def _show(self, command: Sequence[str]) -> tuple[int, str]:
        print(f"   $ {' '.join(command)}", flush=True)
        real = [_real(command[0]), *command[1:]]
        lines: list[str] = []
        with subprocess.Popen(
            real,
            cwd=state.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            limit = threading.Timer(_TIMEOUT, process.kill)
            limit.start()
            try:
                for line in process.stdout:
                    lines.append(line)
                    if line.strip() and not _ROUTINE.match(line):
                        print(f"     | {line.rstrip()}", flush=True)
            finally:
                limit.cancel()
        return process.returncode, "".join(lines)


def _real(program: str) -> str:
    # Shown as the reader types it; run from the environment that this process runs from, wherever that is.
    name = program.rpartition("/")[2]
    return str(state.ROOT / ".venv" / "bin" / name) if program.startswith(".venv/") else program


class Story:
    """The lab, and the commands of the story in it."""

    def __init__(self, lab: Lab, narrator: Narrator) -> None:
        self.lab = lab
        self.narrator = narrator

    @property
    def found(self) -> State:
        return state.read(self.lab)

    def pyinfra(self, *arguments: str) -> str:
        """Run pyinfra on the lab."""
        return self.narrator.run(".venv/bin/pyinfra", _INVENTORY, *arguments)

    def read(self, client: str) -> Reading:
        """Look at a client with its own programs, and say what they say."""
        reading = read_client(self.lab, self.found.machine(client))
        self.narrator.tell(f"{client}: {reading.words()}")
        return reading

    def server(self, command: str) -> str:
        """Run a command on the server as its admin, outside of everything shown."""
        return connection.run(self.lab, self.found.server, command)

    def key_of(self, environment: str) -> str:
        """Return the fingerprint of an environment's key, from the public key that the server publishes."""
        listing = self.server(
            f"gpg --show-keys --with-colons /srv/ostree/rpm-ostree/keys/{environment}.gpg 2>/dev/null"
        )
        found = re.search(r"^fpr:+([0-9A-F]+):", listing, re.MULTILINE)
        if found is None:
            raise LabError(f"the server publishes no key of {environment}")
        return found[1]

    def next_hello(self) -> str:
        """Return a version of the package hello that the lab's repository does not have yet."""
        names = self.server("ls /srv/lab/packages /srv/lab/packages/*")
        majors = re.findall(r"^hello-(\d+)\.", names, re.MULTILINE)
        return f"{max(map(int, majors), default=1) + 1}.0"


def main() -> int:
    """Tell the story; 0 at its end, LabError at the first thing that is not as it should be."""
    lab = state.selected()
    narrator = Narrator()
    story = Story(lab, narrator)
    narrator.step("A lab: a plain server and three workstations, in containers, reached over SSH")
    narrator.run(".venv/bin/python", "-m", "lab", "up")
    clients = [
        machine.name for machine in story.found.clients if machine.name in ("dev1", "pilot1", "stable1")
    ]
    narrator.expect(len(clients) == 3, "there are the workstations dev1, pilot1 and stable1")

    narrator.step(
        "The server becomes a repository server: HTTPS, keys, treefiles, and the program that releases"
    )
    story.pyinfra("deploy.py", "-y")

    narrator.step("The first image is composed and signed with dev's key")
    story.pyinfra("tasks/compose.py", "-y")

    narrator.step(
        "That build becomes a release for the pilots, then for everybody: same tree, signed with prod's key"
    )
    story.pyinfra("promote.py", "-y")
    story.pyinfra("promote.py", "-y", "--data", "ring=stable")

    narrator.step("The workstations follow what the inventory says, and boot it")
    before = {name: story.read(name) for name in clients}
    story.pyinfra("tasks/rebase.py", "-y", "--data", "reboot=yes")
    first = {name: story.read(name) for name in clients}
    for name in clients:
        if before[name].checksum != first[name].checksum:
            narrator.expect(before[name].boot_id != first[name].boot_id, f"{name} has really booted anew")
    narrator.expect(
        first["pilot1"].checksum == first["stable1"].checksum,
        "pilot1 and stable1 run the same commit, bit for bit",
    )
    narrator.expect(first["dev1"].signing_key == story.key_of("dev"), "dev1 runs a build signed by dev's key")
    narrator.expect(
        first["pilot1"].signing_key == story.key_of("prod"), "pilot1 runs a release signed by prod's key"
    )

    _gate(story)

    version = story.next_hello()
    narrator.step(f"A second version: hello {version} is published, composed, and released to the pilots")
    narrator.run(".venv/bin/python", "-m", "lab", "publish", "hello", version)
    story.pyinfra("tasks/compose.py", "-y")
    story.pyinfra("promote.py", "--dry")
    story.pyinfra("promote.py", "-y")

    _another_key(story, first["pilot1"])

    narrator.step("dev1 and pilot1 upgrade and boot it; stable1 stays where it is")
    story.pyinfra(
        *("tasks/upgrade.py", "-y", "--limit", "dev_clients", "--limit", "pilot_clients"),
        *("--data", "reboot=yes"),
    )
    second = {name: story.read(name) for name in clients}
    for name in ("dev1", "pilot1"):
        _upgraded(narrator, name, first[name], second[name])
    narrator.expect(second["stable1"] == first["stable1"], "stable1 was not touched")

    narrator.step("What the pilots run goes to everybody else")
    story.pyinfra("promote.py", "-y", "--data", "ring=stable")
    story.pyinfra("tasks/upgrade.py", "-y", "--limit", "stable_clients", "--data", "reboot=yes")
    last = story.read("stable1")
    _upgraded(narrator, "stable1", first["stable1"], last)
    narrator.expect(
        last.checksum == second["pilot1"].checksum, "everybody else got what the pilots tried, bit for bit"
    )
    packages = connection.run(lab, story.found.machine("stable1"), "rpm -q hello").strip()
    narrator.expect(packages.startswith(f"hello-{version}-"), f"stable1 has hello {version} ({packages})")

    narrator.step("What each release changed, who let it through, and the proof of it")
    story.pyinfra("tasks/changelog.py", "-y")
    narrator.run(".venv/bin/python", "-m", "lab", "ssh", "server", "--", "sudo", "ostree-release", "verify")

    narrator.step("What is where now")
    story.pyinfra("tasks/status.py", "-y")
    _summary(narrator, first, {**second, "stable1": last})
    return 0


def _gate(story: Story) -> None:
    """Let a gate stop an image, somebody else approve what it found, and the release go its way."""
    narrator = story.narrator
    version = story.next_hello()
    narrator.step(f"hello {version} brings a setuid program: a gate stops that image before it is signed")
    narrator.run(".venv/bin/python", "-m", "lab", "publish", "hello", version, "--setuid")
    story.pyinfra("tasks/compose.py", "-y")
    output = narrator.refused(".venv/bin/pyinfra", _INVENTORY, "promote.py", "-y")
    narrator.expect("new setuid file" in output, "the reason given is the setuid file")
    found = re.search(r"--data version=(\S+)", output)
    if found is None:
        raise LabError("the refusal does not say how to approve it")
    narrator.step("Another login, which may approve and nothing else, lets exactly that through")
    story.pyinfra(
        *("tasks/approve.py", "-y", "--limit", "image_servers", "--data", "ssh_user=approver"),
        *("--data", f"version={found[1]}", "--data", "reason=hello needs it"),
    )
    story.pyinfra("promote.py", "-y")


def _another_key(story: Story, running: Reading) -> None:
    """Let a client trust another key than prod's, see it refuse prod's release, and put that right again."""
    narrator = story.narrator
    narrator.step(
        "A workstation that trusts another key takes nothing: pilot1 gets dev's key in place of prod's"
    )
    pilot = story.found.machine("pilot1")
    key = story.server("base64 --wrap=0 /srv/ostree/rpm-ostree/keys/dev.gpg").strip()
    connection.run(story.lab, pilot, wrong_key_script(running.remote, key))
    limited = ("-y", "--limit", "pilot_clients")
    output = narrator.refused(".venv/bin/pyinfra", _INVENTORY, "tasks/upgrade.py", *limited)
    narrator.expect(
        bool(re.search(r"signature|gpg|key", output, re.IGNORECASE)), "the reason given is the signature"
    )
    narrator.expect(story.read("pilot1").boot == running.boot, "pilot1 runs what it ran before")
    story.pyinfra("tasks/rebase.py", *limited)
    narrator.expect(
        story.read("pilot1").signing_key == running.signing_key,
        "pilot1 trusts prod's key again, and no other",
    )


def _upgraded(narrator: Narrator, name: str, first: Reading, second: Reading) -> None:
    narrator.expect(
        second.checksum != first.checksum and second.boot_id != first.boot_id,
        f"{name} has booted {second.version} in place of {first.version}",
    )
    narrator.expect(second.signing_key == first.signing_key, f"{name}: signed by the same key as before")


def _summary(narrator: Narrator, first: dict[str, Reading], second: dict[str, Reading]) -> None:
    narrator.step("Done")
    for name in first:
        narrator.tell(f"{name} first  {first[name].words()}")
        narrator.tell(f"{' ' * len(name)} now    {second[name].words()}")
    narrator.tell(f"It took {time.monotonic() - narrator.began:.0f} s. The lab is still running:")
    narrator.tell(".venv/bin/python -m lab status      which machines there are")
    narrator.tell(".venv/bin/python -m lab ssh pilot1  look around on one")
    narrator.tell("make demo                           the next version takes the same road")
    narrator.tell("make lab-down                       remove all of it")
