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
    """What one version of a package has besides; user: name and number."""

    setuid: bool = False
    file_capability: bool = False
    vendor: str | None = None
    user: tuple[str, int] | None = None


def spec(name: str, own: str | None, variant: Variant) -> str:
    """Return the spec of a variant of a package; own: the lab's spec of that package, if it has one."""
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
        after["License:"].append("Requires(pre): lab-setup")
        scripts = [
            "%pre",
            f"echo '{user}:x:{number}:{number}::/:/usr/sbin/nologin' >> /etc/passwd",
            f"echo '{user}:x:{number}:' >> /etc/group",
            f"echo '{user}:!*:::::::' >> /etc/shadow",
            "",
        ]
    lines: list[str] = []
    for line in (own or _PLAIN.format(name=name)).splitlines():
        keyword = line.partition(" ")[0]
        lines += [*(scripts if keyword == "%files" else ()), line, *after.get(keyword, ())]
    return "\n".join(lines) + "\n"
