"""The gate `diff`: what differs from what the ring's clients run, judged by rules that are data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..answers import FAIL, PASS, Finding, Outcome
from ..composing import kept_with_builds
from ..errors import Refused
from ..images import accounts
from ..images.changes import Changes, Image, as_json, difference
from ..text import size, some
from .subject import Subject

_SHOWN = 3  # findings in the gate's own line

# Package names, as shell patterns.
KERNEL = ("kernel", "kernel-core", "kernel-modules*", "kernel-rt*", "kernel-longterm*", "kernel-64k*")
BOOT_LOADER = ("bootupd", "grub2*", "grubby", "sdubby", "shim*", "systemd-boot*", "u-boot*", "uboot-images*")

Found = Iterator[tuple[str, str]]  # what an approval names, and the line for a person
Options = Mapping[str, Any]


def judge(subject: Subject) -> Outcome:
    """Compare with the ring's tip; every rule's answer is an option of its name."""
    incomplete = tuple(_without_accounts(subject))
    changes = compared(subject)
    if changes is None or subject.tip is None:
        line = f"ring {subject.ring.name} has no release yet: nothing to compare with"
        return Outcome("diff", incomplete, _shown(incomplete) or line, {"from": None})
    findings = (*incomplete, *judged(changes, subject.options))
    upgraded = sum(change.kind == "upgraded" for change in changes.packages)
    line = f"against {subject.tip.version}: {upgraded} packages upgraded, nothing that a rule is about"
    return Outcome("diff", findings, _shown(findings) or line, {
        "from": subject.tip.checksum,
        **as_json(changes),
    })  # fmt: skip


def compared(subject: Subject) -> Changes | None:
    """Return what differs between the ring's tip and the candidate, or None where the ring has no release."""
    if subject.tip is None:
        return None
    old, new = (
        Image(subject.repository, commit.checksum, _origins(subject, build))
        for commit, build in ((subject.tip, subject.tip.build), (subject.candidate, subject.build))
    )
    return difference(old, new, subject.directories)


def judged(changes: Changes, options: Options) -> Iterator[Finding]:
    """Yield a finding for everything that a rule does not let pass.

    + options: the answers and thresholds
    """
    for rule, look in RULES.items():
        if options[rule] != PASS:
            for identifier, line in look(changes, options):
                yield Finding(f"{rule}:{identifier}", options[rule], line)
    for part, (rule, words) in PARTS.items():
        if part in changes.not_compared and options[rule] != PASS:
            line = f"{words} not compared: {changes.not_compared[part]}"
            yield Finding(f"{rule}:not-compared", options[rule], line)


def _packages(kind: str) -> Callable[[Changes, Options], Found]:
    """Return the rule about packages that were added, removed or downgraded."""

    def look(changes: Changes, _: Options) -> Found:
        for change in changes.packages:
            package = change.old or change.new
            if change.kind == kind and package:
                if change.old and change.new:
                    line = f"{kind} {change.name} {change.old.evr} -> {change.new.evr}"
                    yield f"{package.nevra}:{change.new.evr}", line
                else:
                    yield package.nevra, f"{kind} {change.name} {package.evr}"

    return look


def _named(what: str, patterns: Sequence[str]) -> Callable[[Changes, Options], Found]:
    """Return the rule about any change of packages of some names."""

    def look(changes: Changes, _: Options) -> Found:
        for change in changes.packages:
            package = change.old or change.new
            if package and any(fnmatchcase(package.name, pattern) for pattern in patterns):
                old, new = (each.evr if each else "none" for each in (change.old, change.new))
                yield f"{package.name}.{package.arch}:{old}:{new}", f"{what} {change.name} {old} -> {new}"

    return look


def _vendors(changes: Changes, _: Options) -> Found:
    for each in changes.vendors:
        line = f"vendor of {_short(each.name)} changed from {each.old} to {each.new}"
        yield f"{each.name}:{each.old}:{each.new}", line


def _repositories(changes: Changes, options: Options) -> Found:
    groups = [set(group) for group in options["same_repositories"]]
    for each in changes.repositories:
        both = {*each.old.split(", "), *each.new.split(", ")}
        if not any(both <= group for group in groups):
            line = f"package repository of {_short(each.name)} changed from {each.old} to {each.new}"
            yield f"{each.name}:{each.old}:{each.new}", line


def _privileges(changes: Changes, _: Options) -> Found:
    for each in changes.privileges:
        what = "file capabilities" if each.kind == "capabilities" else f"{each.kind} file"
        identifier = f"{each.path}:{each.kind.replace(' ', '-')}:{each.new.replace(', ', ':')}"
        if each.old in (None, each.new):
            yield identifier, f"new {what} {each.path} ({each.new})"
        else:
            yield identifier, f"{what} {each.path} changed from {each.old} to {each.new}"


def _accounts(changes: Changes, _: Options) -> Found:
    for each in changes.accounts:
        line = f"{each.kind} {each.name} changed from {each.old} to {each.new}"
        yield f"{each.kind}:{each.name}:{each.old}:{each.new}", line


def _without_accounts(subject: Subject) -> Iterator[Finding]:
    """Yield whom sysusers.d declares and the image lacks: also in a ring's first release."""
    if subject.options["accounts"] == PASS:
        return
    found = accounts.missing(subject.repository.tree(subject.candidate.checksum))
    for name, path in found.items():
        line = (
            f"{name} of {path} has no entry in passwd or group: rpm-ostree older than 2025.7, "
            "or no systemd-sysusers on this server"
        )
        yield Finding(f"accounts:missing:{name}", FAIL, line)


def _growth(changes: Changes, options: Options) -> Found:
    old, new = changes.size.old, changes.size.new
    percent = 100 * (new - old) / old if old else 0
    if percent > options["growth_percent"]:
        yield f"{old}:{new}", f"grew by {percent:.0f} % ({size(old)} -> {size(new)})"


# In the order in which they are shown. An upgrade is not among them: it passes.
RULES: dict[str, Callable[[Changes, Options], Found]] = {
    "privileges": _privileges,
    "accounts": _accounts,
    "removed": _packages("removed"),
    "downgraded": _packages("downgraded"),
    "vendor": _vendors,
    "repository": _repositories,
    "bootloader": _named("boot loader", BOOT_LOADER),
    "kernel": _named("kernel", KERNEL),
    "growth": _growth,
    "added": _packages("added"),
}


# What may not be comparable: the rule whose answer that has, and how the part is called.
PARTS: dict[str, tuple[str, str]] = {
    "packages": ("removed", "packages"),
    "vendors": ("vendor", "vendors"),
    "repositories": ("repository", "package repositories"),
}


def _shown(findings: Sequence[Finding]) -> str:
    """Return the first findings and how many more there are; nothing where there are none."""
    return some([finding.line for finding in findings], _SHOWN, between="; ")


def _origins(subject: Subject, build: str | None) -> Mapping[str, str] | None:
    try:
        return kept_with_builds.origins(subject.context.config, subject.seen.source, build) if build else None
    except Refused as refusal:
        subject.context.say(str(refusal))
        return None


def _short(name: str) -> str:
    """Return a package's name without its architecture."""
    return name.rpartition(".")[0]
