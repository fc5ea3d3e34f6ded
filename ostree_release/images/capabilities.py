"""File capabilities as the kernel stores them, in the words of getcap."""

from __future__ import annotations

import struct

ATTRIBUTE = "security.capability"

# By number, as capabilities(7) lists them; part of the kernel's interface, so only ever added to.
_NAMES = """
    chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot
    sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease
    audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read
    perfmon bpf checkpoint_restore
"""
_REVISION, _EFFECTIVE = 0xFF000000, 0x1
_WORDS = {0x01000000: 1, 0x02000000: 2, 0x03000000: 2}  # revision: pairs of 32 bits


def words(value: bytes) -> str:
    """Return the capabilities of an attribute's value: `cap_net_raw=ep`; what cannot be read, as numbers."""
    try:
        (magic,) = struct.unpack_from("<I", value)
        pairs = [struct.unpack_from("<II", value, 4 + 8 * n) for n in range(_WORDS[magic & _REVISION])]
    except (struct.error, KeyError):
        return f"0x{value.hex()}"
    permitted, inheritable = (sum(pair[kind] << 32 * n for n, pair in enumerate(pairs)) for kind in (0, 1))
    names = _NAMES.split()
    groups: dict[str, list[str]] = {}
    for number in range(64):
        bit = 1 << number
        flags = "i" * bool(inheritable & bit) + "p" * bool(permitted & bit)
        if flags:
            name = names[number] if number < len(names) else str(number)
            groups.setdefault("e" * (magic & _EFFECTIVE) + flags, []).append(f"cap_{name}")
    return " ".join(f"{','.join(had)}={flags}" for flags, had in groups.items()) or "none"
