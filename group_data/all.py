"""Every setting with its default and its meaning, written from tasks/settings/declared.py: not edited here.

Override a setting where it differs: in the inventory (for one host or one group), or in group_data/GROUP.py
beside your inventory. Then, as always in pyinfra: --data beats the host's data, that beats its groups' data,
that beats this file. A dictionary or a list is replaced as a whole, never merged.

Everything named ostree_... is checked before any host is contacted, so pyinfra reads these files twice.
"""

from tasks.pyinfra_gaps.prompts import go_on_without_terminal
from tasks.pyinfra_gaps.transport import low_latency_transport
from tasks.settings.inventory_check import check_settings

# --- The server and its image ---------------------------------------------------------------------

# DNS name or IP address that clients use in URLs. None: the server's name in the inventory.
ostree_public_name = None

# What the image is called in refs, aliases, treefile names and remotes. One ref component.
ostree_image_name = "kinoite"

# Absolute path on the server; every repository lies below it. At least two levels deep, not in a system
# directory.
ostree_base_path = "/srv/ostree/rpm-ostree"

# The processor architecture of the image, its server and its workstations, as Fedora names it: "x86_64",
# "aarch64" or "ppc64le", those that Fedora makes Kinoite for. Default refs and treefiles follow it, and so
# does $basearch in package repositories. An image is composed on a machine of its own architecture:
# deploy.py refuses a server of another one before it changes anything, and tasks/rebase.py a workstation of
# another one.
ostree_architecture = "x86_64"

# --- Environments: one variable ostree_environment_NAME each --------------------------------------
# An environment is composed on the server, or it promotes_from a composed one. Its keys,
# all optional, with their defaults:
#   enabled           True. False: it is not served any more; its repository stays.
#   promotes_from     none. Name of the composed environment whose builds are released here. Only a composed
#                     one: promoting what was promoted already is refused.
#   rings             ["pilot", "stable"]. Only with promotes_from: the refs that clients follow, in the
#                     order of a roll-out. A new ring works from the next release on.
#   repository        BASE/NAME. Absolute path on the server, below ostree_base_path.
#   alias             /repo/IMAGE/NAME. Path of its URL.
#   ref               composed: fedora/ARCH/IMAGE/NAME; prod: fedora/ARCH/IMAGE/LAST_RING; any other:
#                     fedora/ARCH/IMAGE/NAME/LAST_RING. The build's ref, or the last ring's; ARCH is
#                     ostree_architecture. The other rings, candidate/VERSION and releases/VERSION lie in
#                     the same place.
#   packages          []. Only composed: packages on top of the four lists.
#   exclude_packages  []. Only composed: packages kept out, on top of ostree_exclude_packages.
#   gates             {}. Only with promotes_from: thresholds of the gates that differ from their defaults,
#                     {"soak": {"hours": 48}}; {"soak": False} switches a gate off. All of them:
#                     docs/gates.md.
#   approval          {}. Only with promotes_from: days (14) that an approval holds, by_another (False): who
#                     composed a build may not approve it.
#   auto              {}. Only with promotes_from: enabled (False): every hour, what its gates let pass is
#                     promoted (docs/operations.md); freeze ([]): days without that, such as "friday",
#                     "2026-12-24" or "2026-12-24/2027-01-02".
#   signing           "server". Only with promotes_from. "offline": the server never has the secret key, and
#                     a laptop signs each release: docs/signing.md.
#   signing_key       none. File on the laptop with an exported secret GPG key, which the server gets while
#                     clients trust none yet (docs/signing.md with tasks/keys.py). Without one, the server
#                     makes a key. With signing "offline": the file of the public key (gpg --export KEY),
#                     which is needed; one with a secret key is refused.

# The environment dev, composed on the server.
ostree_environment_dev = {"enabled": True}

# The environment prod, whose releases are promoted from dev.
ostree_environment_prod = {"promotes_from": "dev", "rings": ["pilot", "stable"]}

# --- How it is served -----------------------------------------------------------------------------

# URL path of the public keys and, with a private CA, of its certificate.
ostree_keys_alias = "/repo/keys"

# TCP port of HTTPS, 1 to 65535.
ostree_https_port = 8443

# True: serve plain HTTP too. Signatures still protect the content.
ostree_http = False

# TCP port of HTTP, 1 to 65535, other than that of HTTPS.
ostree_http_port = 8080

# Absolute path on the server of a certificate with its chain. None: a private CA and a certificate are
# made, and renewed by the server.
ostree_tls_certificate = None

# Absolute path on the server of that certificate's key. Both or neither.
ostree_tls_key = None

# Absolute path on the server of the CA that issued the certificate, for clients that do not know it
# already.
ostree_tls_ca = None

# True: add to an existing HTTPS virtual host on ostree_https_port, without a Listen of our own.
ostree_join_virtual_host = False

# How many connections httpd serves at the same moment, 64 to 8192. None: from the server's memory, 512 for
# each GiB and at most 4096. With ostree_join_virtual_host the limits stay those of that server
# (docs/operations.md).
ostree_httpd_connections = None

# --- What is composed -----------------------------------------------------------------------------

# Fedora release of the image, a whole number from 38 to 99.
ostree_fedora_release = 44

# Absolute path on the server of the treefiles and the .repo files beside them.
ostree_treefile_directory = "/etc/rpm-ostree/treefiles"

# Packages of every composed environment. Four lists, so that one can be replaced without copying the
# others: together a Kinoite that starts on ordinary hardware (btrfs, LUKS or LVM, firmware).
ostree_base_packages = [
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

# The second list of packages. "{display_manager}" stands for the packages of Kinoite's display manager:
# plasmalogin from release 44 on, sddm before.
ostree_desktop_packages = [
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

# The third list of packages.
ostree_system_packages = [
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

# The fourth list of packages.
ostree_additional_packages = ["vim-enhanced", "git", "wget", "curl", "htop", "tmux"]

# Packages of one architecture only: x86_64, aarch64 or ppc64le -> list. Boot loaders, microcode.
ostree_architecture_packages = {
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

# Packages that must not come in, not even as dependencies.
ostree_exclude_packages = ["PackageKit"]

# Shell commands that run in the new image's tree, in order. {display_manager} stands for the unit of
# Kinoite's display manager. bootupctl describes the boot loader in the image, so that machines can update
# theirs.
ostree_postprocess_commands = [
    "systemctl set-default graphical.target",
    "systemctl enable {display_manager}",
    "bootupctl backend generate-update-metadata",
]

# Path on the laptop of a file with the lines of a passwd and of a group file, which the numbers of users
# and groups begin with (docs/operations.md). None: with those of the first build.
ostree_accounts_file = None

# Further treefile keys, as rpm-ostree names them, merged last, for example {"selinux": False}. Keys that
# come from other settings (ref, repos, packages, exclude-packages, postprocess, releasever, basearch) are
# refused.
ostree_treefile_options: dict[str, object] = {}

# Path on the laptop of a folder of files that are to lie beside the treefiles (docs/settings.md).
ostree_treefile_folder = None

# Where packages come from: id -> keys of a .repo file (name, baseurl, metalink, gpgcheck, gpgkey). gpgcheck
# is on unless it is False, and needs a gpgkey. On Fedora the key files are there (package fedora-gpg-keys);
# on a server without them, put the key of this release (https://fedoraproject.org/security) into
# /etc/pki/rpm-gpg and name that file.
ostree_package_repositories = {
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

# --- When it is composed --------------------------------------------------------------------------

# True: deploy.py starts a compose of each of the environments below that has no build yet.
ostree_compose_on_setup = False

# Composed environments that are composed on set-up and at night.
ostree_compose_environments = ["dev"]

# True: compose every night, by a systemd timer.
ostree_compose_nightly = False

# Local time of the server, "HH:MM".
ostree_compose_time = "02:00"

# The timer waits a random time up to this long, 0 to 720 minutes.
ostree_compose_delay_minutes = 30

# GiB: with less free space in a repository or in the cache, a compose or a promotion is refused.
ostree_minimum_free_gib = 20

# How many of the objects that are not new a smoke pull fetches, chosen anew each time, 0 to 1000000
# (docs/security.md).
ostree_smoke_sample = 200

# --- Gates of your own ----------------------------------------------------------------------------

# Path on the laptop of a folder of executables: they run on the server on every candidate, in name order
# (docs/gates.md).
ostree_gates_directory = None

# --- Who may do what on the server ----------------------------------------------------------------

# Existing logins that may compose without being administrators.
ostree_composers: list[str] = []

# Existing logins that may promote.
ostree_promoters: list[str] = []

# Existing logins that may approve what needs approval, and hold releases.
ostree_approvers: list[str] = []

# SSH keys of the CI: name -> key (a line of a .pub file) and subcommands (a list), see docs/ci.md.
ostree_ci_keys: dict[str, object] = {}

# --- Clients --------------------------------------------------------------------------------------

# The inventory's name of the server that a client gets its image from.
ostree_image_server = None

# A composed environment ("dev") or a ring ("pilot"; "qa/pilot" where two environments have a ring of that
# name).
ostree_follows = None

# True, as group_data/dev_clients.py has it for workstations that follow dev: tasks/rebase.py installs a
# systemd unit that writes after each boot, and then every 15 minutes, whether systemd finds the system
# healthy. tasks/status.py collects it and the gate soak counts it: docs/gates.md.
ostree_health_reports = False


# --- SSH: names and meanings are pyinfra's --------------------------------------------------------

# Only hosts whose key is known already. (pyinfra's own default accepts any new key, and does not read
# StrictHostKeyChecking from ~/.ssh/config.)
ssh_strict_host_key_checking = "yes"

# A refused or lost connection is tried again twice, after 1 to 3 seconds. A host that does not answer at all
# is given up after 10 seconds each time.
ssh_connect_retries = 2
ssh_connect_retry_min_delay = 1.0
ssh_connect_retry_max_delay = 3.0
ssh_paramiko_connect_kwargs = {
    "transport_factory": low_latency_transport,
    "banner_timeout": 15,
    "auth_timeout": 30,
}

go_on_without_terminal()
check_settings()
