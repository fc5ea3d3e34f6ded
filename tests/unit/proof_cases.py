"""A history as plain data, for the rules of the proof: built by the real journal, without repositories."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ostree_release.anchors import Anchor
from ostree_release.config import Environment, Ring
from ostree_release.journal import START, Journal, line_hash
from ostree_release.model import Commit, Move
from ostree_release.policy import Approval, Policy
from ostree_release.proof import chain
from ostree_release.proof.evidence import Image, Line, Seen
from ostree_release.proof.verdict import verify

KEY = "A" * 40
PILOT, STABLE = Ring("pilot", "os/pilot"), Ring("stable", "os/stable")
PROD = Environment(
    name="prod",
    repository=Path("/prod"),
    url="https://host/prod",
    ref=STABLE.ref,
    owner="ostree-prod",
    gnupghome=Path("/keys/prod"),
    public_key=Path("/keys/prod.gpg"),
    promotes_from="dev",
    rings=(PILOT, STABLE),
    policy=Policy(approval=Approval(days=7)),
)


@dataclass
class Story:
    """What has happened so far: the journal on disk, the refs, the commits, the anchors."""

    journal: Journal
    refs: dict[str, str] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    anchors: list[Anchor] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path) -> Story:
        """Begin with an empty journal."""
        (folder / "journal").touch()
        (folder / "journal.jsonl").touch()
        return cls(Journal(folder / "journal.jsonl", folder))

    def move(self, action: str, moves: dict[str, str | None], **more: Any) -> None:
        """Move refs and say so."""
        made = [Move(ref, self.refs.get(ref), new) for ref, new in moves.items()]
        with self.journal.move("anna", action, "prod", made, **more):
            for each in made:
                if each.new:
                    self.refs[each.ref] = each.new
                else:
                    self.refs.pop(each.ref, None)

    def stage(self, version: str) -> str:
        """Stage a signed release of a build; returns its checksum."""
        checksum = f"commit-{version}"
        before = max((image.commit for image in self.images.values()), key=lambda c: c.serial, default=None)
        build = Commit(f"build-{version}", version, 1, None, f"tree-{version}")
        candidate, release = PROD.candidate_ref(version), PROD.release_ref(version)
        commit = Commit(
            checksum=checksum,
            version=version,
            timestamp=2,
            parent=before.checksum if before else None,
            content=build.content,
            serial=before.serial + 1 if before else 1,
            build=build.checksum,
            bindings=frozenset({candidate, release, PILOT.ref, STABLE.ref}),
            journal=self.journal.head(),
        )
        self.images[checksum] = Image(commit, ((KEY, None),), build, ("fedora",), 3)
        self.move("stage", {candidate: checksum}, version=version)
        return checksum

    def check(self, checksum: str, ring: Ring = PILOT, findings: tuple[dict[str, str], ...] = ()) -> None:
        """Record what the gates found."""
        version = self.images[checksum].commit.version
        result = {"gate": "diff", "answer": "pass", "line": "", "findings": list(findings)}
        self.note("checked", version=version, checksum=checksum, ring=ring.name, tip=self.refs.get(ring.ref),
                  policy="p", results=[result])  # fmt: skip

    def note(self, event: str, **more: Any) -> None:
        """Write an entry that moves nothing."""
        self.journal.append({"event": event, "actor": "anna", "environment": "prod", **more})

    def publish(self, checksum: str) -> None:
        """Give a release its ref."""
        version = self.images[checksum].commit.version
        moves: dict[str, str | None] = {
            PROD.release_ref(version): checksum,
            PROD.candidate_ref(version): None,
        }
        self.move("publish", moves, version=version)

    def promote(self, checksum: str, ring: Ring = PILOT) -> None:
        """Move a ring to a release, and sign the journal's head."""
        self.move("promote", {ring.ref: checksum}, ring=ring.name)
        self.anchor()

    def release(self, version: str) -> str:
        """Take a version the whole road to the first ring; returns its checksum."""
        checksum = self.stage(version)
        self.check(checksum)
        self.publish(checksum)
        self.promote(checksum)
        return checksum

    def anchor(self) -> None:
        """Sign the journal's head."""
        content = self.journal.content()
        before = self.anchors[-1] if self.anchors else None
        number = before.number + 1 if before else 1
        made = Anchor(
            line=number,
            hash=f"anchor-{number}",
            document=b"",
            signature=b"",
            environment="prod",
            number=number,
            lines=content.count(b"\n"),
            bytes=len(content),
            head=self.journal.head(),
            previous=before.hash if before else START,
            key=KEY,
            time="2026-01-01T00:00:00Z",
        )
        self.anchors.append(made)
        self.note("anchored", number=number, anchor=made.hash, lines=made.lines)

    def seen(self, **changes: Any) -> Seen:
        """Return the environment as it is; changes: fields that are otherwise."""
        found = Seen(
            environment=PROD,
            refs=dict(self.refs),
            summary=dict(self.refs),
            images=dict(self.images),
            keys=frozenset({KEY}),
            anchors=tuple(self.anchors),
            signers=frozenset({KEY}),
        )
        return replace(found, **changes)

    def lines(self) -> list[Line]:
        """Return the journal's lines."""
        return chain.lines(self.journal.content())


def findings(story: Story, content: bytes | None = None, **changes: Any) -> list[str]:
    """Return what is found, one text each; content: another journal, changes: fields of what is seen."""
    journal = story.lines() if content is None else chain.lines(content)
    return [f"{found.where}: {found.line}" for found in verify(journal, [story.seen(**changes)]).findings]


def rewritten(lines: list[bytes]) -> bytes:
    """Return lines as a journal whose every line names the line before, as somebody would forge it."""
    previous, forged = START, []
    for line in lines:
        entry = {**json.loads(line), "previous": previous}
        forged.append(json.dumps(entry).encode())
        previous = line_hash(forged[-1])
    return b"".join(line + b"\n" for line in forged)
