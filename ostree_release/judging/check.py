"""Running the gates on a candidate, and recording what they said for exactly this commit, ring and policy."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
from collections.abc import Iterator
from dataclasses import replace

from .. import files, lock
from ..answers import FAIL, PASS, Finding, Outcome
from ..config import Environment, Ring
from ..context import Context
from ..environments.snapshot import Snapshot
from ..errors import Refused, Stopped
from ..gates import own
from ..gates.subject import Subject
from ..images import kept_directories
from ..images.directories import Directories
from ..model import Commit
from . import records
from .records import Run

# Answers that change by themselves: asked anew each time, which costs a look at the journal and at one file.
LIVE = ("soak", "advisories")


@contextlib.contextmanager
def checking(context: Context, environment: Environment) -> Iterator[None]:
    """Hold the environment's check lock and what keeps its objects; the writer lock stays free meanwhile."""
    holder = f"{context.actor} (check)"
    with lock.check(context.config.run, environment.name, holder), context.reading(environment):
        yield


def digest(context: Context, environment: Environment) -> str:
    """Return the digest of the gates in force: thresholds, and the files of the user's own gates."""
    own_files = own.files(context.config) if "own" in environment.rules.on else {}
    content = {"gates": dict(environment.rules.gates), "own": own_files}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def current(context: Context, seen: Snapshot, release: Commit, ring: Ring) -> Run | None:
    """Return the recorded run that is still current, with what is live asked anew; None where there is none.

    Of another commit, another tip of the ring, or other gates and thresholds it would not be current.
    """
    environment, tip = seen.environment, seen.refs.get(ring.ref)
    policy = digest(context, environment)
    run = records.newest_run(seen.entries, release.checksum, ring.name, tip, policy)
    if run is None or {outcome.gate for outcome in run.outcomes} != set(environment.rules.on):
        return None
    again = {gate for gate in LIVE if gate in environment.rules.on}
    return _asked(context, seen, release, ring, run, again)


def judge(context: Context, seen: Snapshot, release: Commit, ring: Ring, afresh: bool = False) -> Run:
    """Return a current run, recorded: every gate if there is none or afresh, else what is live or failed."""
    environment = seen.environment
    found = current(context, seen, release, ring)
    known = found
    if found is None or afresh:
        tip = seen.refs.get(ring.ref)
        found = Run(release.checksum, ring.name, tip, digest(context, environment), ())
        again = set(environment.rules.on)
    else:
        failed = {outcome.gate for outcome in found.outcomes if outcome.answer == FAIL}
        again = failed - set(LIVE)
    context.say(f"Checking {release.version} for {environment.name}/{ring.name}")
    place = context.config.state / "checks" / environment.name / "directories.json"
    directories = kept_directories.load(place, context.say) if again else Directories()
    run = _asked(context, seen, release, ring, found, again, directories)
    passed = {outcome.gate for outcome in run.outcomes if outcome.answer == PASS}
    if "complete" in passed & again:  # what a damaged object says must not count once it is whole again
        tips = [_root(seen, tip) for tip in seen.tips.values()]
        kept_directories.save(place, directories, _root(seen, release), tips, context.say)
    for outcome in run.outcomes:
        if outcome.answer != PASS:
            context.say(f"  gate {outcome.gate}: {outcome.answer}: {outcome.line}")
    if afresh or known is None or _recorded_differs(seen, run):
        _record(context, environment, release, run)
    return run


def keep(context: Context, seen: Snapshot, release: Commit, ring: Ring) -> None:
    """Record the run that a move stands on, unless the newest check of it as it stands says the same.

    It does not where what is live says something else than when checked, nor after a check with other
    thresholds: whoever proves the move later takes the newest, whatever the thresholds were.
    """
    run = current(context, seen, release, ring)
    if run is None:
        return
    known = records.newest_run(seen.entries, run.checksum, run.ring, run.tip)
    if known is None or known.policy != run.policy or records.findings(known) != records.findings(run):
        _record(context, seen.environment, release, run)


def _asked(
    context: Context,
    seen: Snapshot,
    release: Commit,
    ring: Ring,
    run: Run,
    again: set[str],
    directories: Directories | None = None,
) -> Run:
    """Return a run in which some gates were asked again, in the order of the policy.

    + directories: what they share, None for what is live, which looks at none
    """
    known = {outcome.gate: outcome for outcome in run.outcomes if outcome.gate not in again}
    outcomes = []
    for gate, options in seen.environment.rules.on.items():
        subject = Subject(context, seen, release, ring, options, directories or Directories())
        outcomes.append(known.get(gate) or records.shortened(_ask(gate, subject)))
    return replace(run, outcomes=tuple(outcomes))


def _root(seen: Snapshot, commit: Commit) -> str:
    """Return the checksum of the list of names that a commit's tree begins with."""
    return seen.repository.tree(commit.checksum).root.content


def _ask(gate: str, subject: Subject) -> Outcome:
    """Ask one gate; one that cannot answer fails, and the others are asked all the same."""
    try:
        module = importlib.import_module(f"..gates.{gate}", __package__)
        outcome: Outcome = module.judge(subject)
    except Stopped:
        raise
    except Refused as refusal:
        return _unanswered(gate, str(refusal))
    except Exception as error:  # a fault of ours must not let anything through
        return _unanswered(gate, f"internal error: {type(error).__name__}: {' '.join(str(error).split())}")
    return outcome


def _unanswered(gate: str, reason: str) -> Outcome:
    return Outcome(gate, (Finding(f"{gate}:error:{reason}", FAIL, reason),), reason)


def _recorded_differs(seen: Snapshot, run: Run) -> bool:
    """Compare what counts; a line may change by itself, as that of a build that grows older."""
    recorded = records.newest_run(seen.entries, run.checksum, run.ring, run.tip, run.policy)
    return recorded is None or set(records.findings(recorded)) != set(records.findings(run))


def _record(context: Context, environment: Environment, release: Commit, run: Run) -> None:
    """Write all that was found out, which the journal has no room for, and then the entry that counts."""
    place = context.config.state / "checks" / environment.name / f"{run.checksum}.{run.ring}.json"
    results = records.as_json(run)
    what = {"version": release.version, "checksum": run.checksum, "ring": run.ring}
    data = [{**result, "data": outcome.data} for result, outcome in zip(results, run.outcomes)]
    files.replace(place, json.dumps({**what, "results": data}).encode(), 0o600)
    stood = {"tip": run.tip, "policy": run.policy, "gates": list(environment.rules.on)}
    context.record("checked", "check", environment.name, **what, **stood, results=results)
