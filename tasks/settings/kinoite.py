"""What differs between releases of Fedora Kinoite, by Fedora's own manifest (workstation-ostree-config)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PLACEHOLDER = "{display_manager}"
"""Stands for the display manager of the release: in a list for its packages, in a command for its unit."""


@dataclass(frozen=True)
class DisplayManager:
    """What shows the login screen."""

    packages: tuple[str, ...]
    unit: str


# By the first release that has it.
_DISPLAY_MANAGERS = {
    44: DisplayManager(
        ("plasma-login-manager", "kcm-plasmalogin", "kde-settings-plasmalogin"), "plasmalogin.service"
    ),
    0: DisplayManager(("sddm", "sddm-breeze", "sddm-kcm", "sddm-wayland-plasma"), "sddm.service"),
}


def display_manager(release: int) -> DisplayManager:
    """Return the display manager of a release of Kinoite."""
    return _DISPLAY_MANAGERS[max(first for first in _DISPLAY_MANAGERS if first <= release)]


def packages(names: Iterable[str], release: int) -> Iterator[str]:
    """Yield package names with the placeholder replaced."""
    for name in names:
        yield from display_manager(release).packages if name == PLACEHOLDER else (name,)


def command(text: str, release: int) -> str:
    """Return a shell command with the placeholder replaced."""
    return text.replace(PLACEHOLDER, display_manager(release).unit)


# The lists of the default image: a selection of the names in that manifest.
BASE_PACKAGES = [
    "fedora-release-kinoite",
    "kernel",
    "systemd",
    "rpm-ostree",
    "dracut-config-generic",
    "nss-altfiles",
    "sssd-client",
    "bootupd",
    "grub2-tools",
    "btrfs-progs",
    "cryptsetup",
    "lvm2",
    "mdadm",
    "tpm2-tss",
    "dosfstools",
    "e2fsprogs",
    "xfsprogs",
    "selinux-policy-targeted",
    "policycoreutils",
    "plymouth",
    "plymouth-system-theme",
    "linux-firmware",
    "amd-gpu-firmware",
    "intel-gpu-firmware",
    "nvidia-gpu-firmware",
    "atheros-firmware",
    "brcmfmac-firmware",
    "iwlwifi-dvm-firmware",
    "iwlwifi-mvm-firmware",
    "mt7xxx-firmware",
    "realtek-firmware",
    "fwupd",
    "glibc-all-langpacks",
]
DESKTOP_PACKAGES = [
    "plasma-desktop",
    "plasma-workspace",
    "{display_manager}",
    "kwin",
    "kscreen",
    "kscreenlocker",
    "plasma-nm",
    "plasma-pa",
    "bluedevil",
    "polkit-kde",
    "pam-kwallet",
    "xdg-desktop-portal-kde",
    "plasma-breeze",
    "breeze-icon-theme",
    "plasma-discover",
    "plasma-discover-rpm-ostree",
    "flatpak",
    "mesa-dri-drivers",
    "mesa-vulkan-drivers",
    "pipewire-alsa",
    "pipewire-pulseaudio",
    "wireplumber",
    "default-fonts-core-sans",
    "default-fonts-core-mono",
    "default-fonts-core-emoji",
    "udisks2",
    "dolphin",
    "konsole",
    "kate",
]
SYSTEM_PACKAGES = [
    "NetworkManager",
    "NetworkManager-wifi",
    "wpa_supplicant",
    "firewalld",
    "chrony",
    "openssh-server",
    "openssh-clients",
    "sudo",
    "zram-generator-defaults",
    "systemd-oomd-defaults",
]
ARCHITECTURE_PACKAGES = {
    "x86_64": [
        "grub2-efi-x64",
        "grub2-pc",
        "shim-x64",
        "efibootmgr",
        "microcode_ctl",
        "amd-ucode-firmware",
        "alsa-sof-firmware",
    ],
    "aarch64": ["grub2-efi-aa64", "shim-aa64", "efibootmgr", "qcom-firmware"],
    "ppc64le": ["grub2-ppc64le"],
}
POSTPROCESS_COMMANDS = [
    "systemctl set-default graphical.target",
    "systemctl enable {display_manager}",
    "bootupctl backend generate-update-metadata",
]
PACKAGE_REPOSITORIES = {
    "fedora": {
        "name": "Fedora $releasever - $basearch",
        "metalink": "https://mirrors.fedoraproject.org/metalink?repo=fedora-$releasever&arch=$basearch",
        "gpgcheck": True,
        "gpgkey": "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-$releasever-$basearch",
    },
    "fedora-updates": {
        "name": "Fedora $releasever - $basearch - Updates",
        "metalink": "https://mirrors.fedoraproject.org/metalink?repo=updates-released-f$releasever&arch=$basearch",
        "gpgcheck": True,
        "gpgkey": "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-$releasever-$basearch",
    },
}
