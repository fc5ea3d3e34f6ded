"""The all-time list of users and groups: what it takes, what it never does, and what a seed may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostree_release.account_list import GROUP, KINDS, USER, Account, AccountList, of_image, of_seed

ROOT = "root:x:0:0:root:/root:/bin/bash\nroot:x:0:\n"
PASSWD = "root:x:0:0:root:/root:/bin/bash\nsvc-a:x:995:996::/:/usr/sbin/nologin\n"


def user(name: str, number: int, group: int | None = None) -> Account:
    (found,) = of_image(f"{name}:x:{number}:{number if group is None else group}::/:/bin/sh\n", "")
    return found


ACCOUNTS = st.lists(
    st.builds(
        lambda kind, name, number: Account(
            kind, name, number, 7 if kind == USER else None, f"{kind} {name} {number}"
        ),
        st.sampled_from(KINDS),
        st.sampled_from("abcdefgh"),
        st.integers(0, 6),
    ),
    max_size=12,
)


def test_people_of_the_machine_that_a_seed_is_from_come_into_no_image() -> None:
    people = "ann:x:1000:1000::/home/ann:/bin/bash\nann:x:1000:\n"
    groups = "wheel:x:10:ann,svc-a\naudio:x:63:ann\nempty:x:64:\n"
    found, problems = of_seed(ROOT + people + groups + "svc-a:x:995:996::/:/usr/sbin/nologin\n")
    assert not problems
    text = AccountList(found).text(GROUP)
    assert "wheel:x:10:svc-a\naudio:x:63:\nempty:x:64:\n" in text
    assert "ann" not in text + AccountList(found).text(USER)


@given(st.lists(ACCOUNTS, max_size=5))
def test_a_list_only_grows_and_no_number_is_ever_another_names(builds: list[list[Account]]) -> None:
    found = AccountList()
    for build in builds:
        before = found
        found, clashes = before.with_all(build)
        assert found.accounts[: len(before.accounts)] == before.accounts
        for kind in KINDS:
            of_kind = [each for each in found.accounts if each.kind == kind]
            assert (
                len({each.name for each in of_kind}) == len({each.number for each in of_kind}) == len(of_kind)
            )
        left_out = {clash.account for clash in clashes}
        assert all(each in found.accounts or each in left_out or _same(each, found) for each in build)


def _same(account: Account, found: AccountList) -> bool:
    return any(
        (each.kind, each.name, each.number) == (account.kind, account.name, account.number)
        for each in found.accounts
    )


@given(ACCOUNTS)
def test_the_same_again_is_nothing_new(build: list[Account]) -> None:
    found, _ = AccountList().with_all(build)
    assert found.with_all(build)[0] == found
    assert found.with_all(found.accounts) == (found, ())


def test_a_clash_says_who_has_what() -> None:
    found, _ = AccountList().with_all([user("svc-a", 995)])
    _, moved = found.with_all([user("svc-a", 994)])
    assert [str(each) for each in moved] == ["user svc-a (994): it has 995 already"]
    _, taken = found.with_all([user("svc-b", 995)])
    assert [str(each) for each in taken] == ["user svc-b (995): 995 is the number of user svc-a"]
    _, group = found.with_all([user("svc-a", 995, 20)])
    assert [str(each) for each in group] == ["user svc-a (995:20): it has 995 already"]


def test_users_and_groups_have_numbers_of_their_own() -> None:
    found, clashes = AccountList().with_all(of_image(PASSWD, "root:x:0:\nother:x:995:\n"))
    assert clashes == ()
    assert found.text(USER) == PASSWD
    assert found.text(GROUP) == "root:x:0:\nother:x:995:\n"


def test_an_images_broken_lines_are_left_out() -> None:
    passwd = "# a comment\n\nbroken\n:x:1:1:::\nno:x::1:::\nleft:x:5:5::/:\nrow:x:6\n+::::::\n"
    assert [each.name for each in of_image(passwd, "right:x:5:\nuser:x:7:7::/:\n")] == ["left", "right"]


def test_a_seed_is_passwd_and_group_in_any_order_without_people() -> None:
    text = (
        "# Fedora 44\n\nroot:x:0:\nbin:x:1:\nroot:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/x\n"
        "ann:x:1000:1000:Ann:/home/ann:/bin/bash\nann:x:1000:\nnobody:x:65534:65534::/:/sbin/nologin\n"
        "bin:x:1:daemon\nrun-u1:!*:61185:61185::/:/usr/sbin/nologin\nldap:*:200000001:1::/home/ldap:/bin/sh\n"
    )
    found, problems = of_seed(text)
    assert problems == ()
    assert [str(each) for each in found] == [
        *("group root (0)", "group bin (1)", "user root (0)", "user bin (1)", "user nobody (65534)")
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("tool:x:901", "line 3: it has 3 fields: a line of passwd has 7, one of group has 4"),
        ("tool:x:901:901::/", "line 3: it has 6 fields"),
        ("to ol:x:901:", "line 3: 'to ol' is no name of a group"),
        (":x:901:", "line 3: '' is no name of a group"),
        ("-tool:x:901:", "line 3: '-tool' is no name of a group"),
        ("tool:x:9o1:", "line 3: '9o1' is no number of a user or group"),
        ("tool:x:-1:", "line 3: '-1' is no number"),
        ("tool:x::", "line 3: '' is no number"),
        ("tool:x:65535:", "line 3: '65535' is no number"),
        ("tool:x:4294967295:", "line 3: '4294967295' is no number"),
        ("tool:x:\N{SUPERSCRIPT TWO}:", "is no number"),
        ("tool:x:99999999999999999999:", "is no number"),
        ("tool:x:901:users::/:", "line 3: 'users' is no number"),
        ("tool:$6$abc:901:901::/:", "line 3: user tool: its second field must be 'x'"),
        ("tool::901:901::/:", "line 3: user tool: its second field must be 'x'"),
        ("tool:x:901:901:\x1b[2J:/:", "line 3: user tool: it has a character that cannot be printed"),
        ("tool:x:901:\nother:x:901:", "line 4: group other (901): 901 is the number of group tool"),
        ("tool:x:901:\ntool:x:902:", "line 4: group tool (902): it has 901 already"),
        ("tool:x:901:1::/:\ntool:x:901:2::/:", "line 4: user tool (901:2): it has 901:1 already"),
        ("toor:x:0:0::/root:", "line 3: user toor (0): 0 is the number of user root"),
    ],
)
def test_what_is_wrong_with_a_seed_is_said_with_its_line(line: str, problem: str) -> None:
    _, problems = of_seed(f"{ROOT}{line}\n")
    assert len(problems) == 1
    assert problem in problems[0]


@pytest.mark.parametrize("text", ["", "tool:x:901:\n", ROOT.splitlines()[0]])
def test_a_seed_without_root_is_a_part_only(text: str) -> None:
    _, problems = of_seed(text)
    assert problems
    assert all("it must be the whole of passwd and of group" in problem for problem in problems)


@given(st.text())
def test_any_text_as_a_seed_is_read_or_refused_in_one_line_each(text: str) -> None:
    _, problems = of_seed(text)
    assert all(problem.isprintable() for problem in problems)
