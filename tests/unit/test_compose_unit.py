"""Following the unit that composes: every line once, also the last one, and how it ended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ostree_release.composing import follow

# It ends only after what it said first has been shown, and what it says last is not in the journal yet.
SYSTEMCTL = """#!/bin/sh
cd {top}
case $1 in
    start)
        echo first >log
        until [ -e shown ]; do sleep 0.1; done
        printf 'error: the reason\\nlast\\n' >late
        echo Job failed. >&2
        exit 1;;
    show) printf 'InvocationID=i1\\nActiveState=activating\\nResult=exit-code\\n';;
esac
"""
JOURNALCTL = """#!/bin/sh
cd {top}
case $* in
    --sync) cat late >>log; exit;;
    *--after-cursor=*) begin=${{*##*--after-cursor=}};;
    *_SYSTEMD_INVOCATION_ID=i1*) begin=0;;
esac
end=$(wc -l <log)
[ $begin = $end ] || tail -n +$((begin + 1)) log
[ $end = 0 ] || {{ echo "-- cursor: $end"; touch shown; }}
"""


@pytest.mark.parametrize("known", [True, False])
def test_each_line_is_shown_once_and_the_last_one_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], known: bool
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(follow, "_POLL", 0.1)
    systemctl = SYSTEMCTL
    if not known:  # it ended before it was looked at: its result names the run
        systemctl = SYSTEMCTL.replace("ActiveState=activating", "ActiveState=failed")
        (tmp_path / "result.json").write_text('{"invocation": "i1"}')
        (tmp_path / "shown").touch()
    for name, content in (("systemctl", systemctl), ("journalctl", JOURNALCTL)):
        program = tmp_path / name
        program.write_text(content.format(top=tmp_path))
        program.chmod(0o755)
    (tmp_path / "log").touch()
    ended, said = follow.follow("x.service", tmp_path)
    assert (ended["Result"], said) == ("exit-code", "Job failed.")
    assert capfd.readouterr().err.splitlines() == ["first", "error: the reason", "last"]
