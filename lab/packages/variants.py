"""What a version of a package can have besides, so that the gates of an image have something to find."""

from __future__ import annotations

from dataclasses import dataclass

# A package that is none of the lab's own: one program.
_PLAIN = """\
Name: {name}
Version: %{{lab_version}}
Release: 1.lab
Summary: A program of the lab
License: MIT
BuildArch: noarch

%description
%{{summary}}.

%install
install -d %{{buildroot}}/usr/bin
printf '#!/bin/sh\\necho "{name} %{{version}}"\\n' > %{{buildroot}}/usr/bin/{name}

%files
%attr(0755,root,root) /usr/bin/{name}
"""


@dataclass(frozen=True)
class Variant:
    """What one version of a package has besides.

    + user: name and number of a user and its group that %pre adds; number None: whichever is free
    + sysusers: name of a user that is in sysusers.d only, without a script
    + owns: a file belongs to that user
    """

    setuid: bool = False
    file_capability: bool = False
    vendor: str | None = None
    user: tuple[str, int | None] | None = None
    sysusers: str | None = None
    owns: bool = False


# As Fedora's packages did it before 42.
_ADD_USER = """\
getent group {user} >/dev/null || groupadd --system {gid} {user}
getent passwd {user} >/dev/null ||
    useradd --system {uid} --gid {user} --home-dir / --no-create-home --shell /usr/sbin/nologin {user}
"""


def spec(name: str, own: str | None, variant: Variant) -> str:
    """Return the spec of a variant of a package.

    + own: the lab's spec of that package, if it has one
    """
    after: dict[str, list[str]] = {"License:": [], "%install": [], "%files": []}
    scripts: list[str] = []
    for wanted, kind, attributes in (
        (variant.setuid, "setuid", "%attr(4755,root,root)"),
        (variant.file_capability, "capable", "%attr(0755,root,root) %caps(cap_net_raw=ep)"),
    ):
        if wanted:
            path = f"/usr/bin/{name}-{kind}"
            after["%install"] += [
                "install -d %{buildroot}/usr/bin",
                f"echo '#!/bin/sh' > %{{buildroot}}{path}",
            ]
            after["%files"].append(f"{attributes} {path}")
    if variant.vendor:
        after["License:"].append(f"Vendor: {variant.vendor}")
    if variant.user:
        user, number = variant.user
        after["License:"].append("Requires(pre): lab-base")
        uid, gid = ("", "") if number is None else (f"--uid {number}", f"--gid {number}")
        scripts = ["%pre", _ADD_USER.format(user=user, uid=uid, gid=gid)]
    if variant.sysusers:
        conf = f"/usr/lib/sysusers.d/{name}.conf"
        after["License:"].append("Requires(pre): lab-base")
        after["%install"] += [
            "install -d %{buildroot}/usr/lib/sysusers.d",
            f"""echo 'u {variant.sysusers} - "A user of {name}" / -' > %{{buildroot}}{conf}""",
        ]
        after["%files"].append(conf)
    owner = variant.sysusers or (variant.user[0] if variant.user else None)
    if variant.owns and owner:
        # The user comes from this very package: nothing else provides it.
        after["License:"].append("AutoReq: no")
        after["%install"] += [
            f"install -d %{{buildroot}}/usr/lib/{name}",
            f"echo {name} > %{{buildroot}}/usr/lib/{name}/data",
        ]
        after["%files"] += [f"%dir /usr/lib/{name}", f"%attr(0640,{owner},{owner}) /usr/lib/{name}/data"]
    lines: list[str] = []
    for line in (own or _PLAIN.format(name=name)).splitlines():
        keyword = line.partition(" ")[0]
        lines += [*(scripts if keyword == "%files" else ()), line, *after.get(keyword, ())]
    return "\n".join(lines) + "\n"
