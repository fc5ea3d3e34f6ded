"""Every setting, once, with its default. Nothing here needs to be edited.

Override a setting where it differs: in the inventory (for one host or one group), or in group_data/GROUP.py
beside your inventory. Then, as always in pyinfra: --data beats the host's data, that beats its groups' data,
that beats this file. A dictionary or a list is replaced as a whole, never merged.

Everything named ostree_... is checked before any host is contacted, so pyinfra reads these files twice.
"""

from tasks.pyinfra_gaps.prompts import go_on_without_terminal
from tasks.pyinfra_gaps.transport import low_latency_transport
from tasks.settings.check import check_settings

# --- The server and its image ---------------------------------------------------------------------

# DNS name or IP address that clients use in URLs. None: the server's name in the inventory.
ostree_public_name = None

# What the image is called: in refs, aliases, treefile names and remotes. One ref component.
ostree_image_name = "kinoite"

# Absolute path on the server. Every repository lies below it.
ostree_base_path = "/srv/ostree/rpm-ostree"

# Processor architecture of the image, its server and its workstations: "x86_64", "aarch64" or "ppc64le".
# An image is composed on a machine of its own architecture: deploy.py refuses a server of another one.
ostree_architecture = "x86_64"

# --- Environments: one variable ostree_environment_NAME each --------------------------------------
# An environment is composed on the server, or it promotes_from a composed one. Its keys, all optional:
#   enabled           True or False; switched off, it is not served any more, and its repository stays
#   promotes_from     name of the composed environment whose builds are released here
#   rings             names in the order of a roll-out, default ["pilot", "stable"]; only with promotes_from
#   repository        absolute path below ostree_base_path, default BASE/NAME
#   alias             path of its URL, default /repo/IMAGE/NAME
#   ref               ref of the build, or of the last ring, default: composed fedora/ARCH/IMAGE/NAME,
#                     prod fedora/ARCH/IMAGE/LAST_RING, any other fedora/ARCH/IMAGE/NAME/LAST_RING
#   packages          packages on top of the four lists below; only composed
#   exclude_packages  packages kept out, on top of ostree_exclude_packages; only composed
#   gates             thresholds that differ from the defaults, {"soak": {"hours": 48}}; {"soak": False}: off
#                     (docs/gates.md has all of them); only with promotes_from
#   approval          {"days": 14, "by_another": False}: how long an approval holds, and whether it must come
#                     from somebody other than who composed the build; only with promotes_from
#   auto              {"enabled": True, "freeze": ["friday", "2026-12-24/2027-01-02"]}: every hour, promote
#                     what its gates let pass, but not on the days of "freeze"; only with promotes_from
#   signing           "server", or "offline": the server never has the secret key, a laptop signs each release
#                     (docs/signing.md); only with promotes_from
#   signing_key       file on the laptop with an exported secret GPG key, default: the server makes one; with
#                     signing "offline" the file of the public key, which is needed
ostree_environment_dev = {"enabled": True}
ostree_environment_prod = {"promotes_from": "dev", "rings": ["pilot", "stable"]}
# A third one: ostree_environment_qa = {"promotes_from": "dev", "rings": ["stable"]}

# --- How it is served -----------------------------------------------------------------------------

# URL path of the public keys and, with a private CA, of its certificate.
ostree_keys_alias = "/repo/keys"

# TCP port of HTTPS, 1 to 65535.
ostree_https_port = 8443

# True: serve plain HTTP too. Signatures still protect the content.
ostree_http = False

# TCP port of HTTP, 1 to 65535, other than that of HTTPS.
ostree_http_port = 8080

# Absolute paths ON THE SERVER of a certificate (with its chain) and its key: both or neither.
# None: deploy.py makes a private CA and a server certificate, which the server renews itself.
ostree_tls_certificate = None
ostree_tls_key = None

# Absolute path ON THE SERVER of the CA that issued the certificate, for clients that do not know it already.
# None: a public CA (or the private one that deploy.py made).
ostree_tls_ca = None

# True: add to an existing HTTPS virtual host on ostree_https_port instead of listening on a port of our own.
ostree_join_virtual_host = False

# --- What is composed -----------------------------------------------------------------------------

# Fedora release of the image, a whole number.
ostree_fedora_release = 44

# Absolute path on the server of the treefiles and the package repositories' .repo files.
ostree_treefile_directory = "/etc/rpm-ostree/treefiles"

# Packages of every composed environment; four lists, so that one can be replaced without copying the others.
# They are those of a Kinoite that starts on ordinary hardware: btrfs, LUKS or LVM, with firmware. Nothing is
# installed only because another package recommends it. {display_manager} stands for the packages of Kinoite's
# display manager: plasmalogin from release 44 on, sddm before.
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
ostree_additional_packages = ["vim-enhanced", "git", "wget", "curl", "htop", "tmux"]

# Packages of one architecture only, by architecture: boot loaders, microcode.
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

# Shell commands that run in the new image's tree, in order. {display_manager} stands for the unit of its
# display manager. bootupctl describes the boot loader in the image, so that machines can update theirs.
ostree_postprocess_commands = [
    "systemctl set-default graphical.target",
    "systemctl enable {display_manager}",
    "bootupctl backend generate-update-metadata",
]

# Further treefile keys, as rpm-ostree names them, merged last: {"selinux": False}.
ostree_treefile_options: dict[str, object] = {}

# Path on the laptop of a folder of files that are to lie beside the treefiles: for `include`, `add-files` and
# `postprocess-script` in the options above, such as Fedora's own manifest (docs/settings.md). None: none.
ostree_treefile_folder = None

# Where packages come from: id -> keys of a .repo file (name, baseurl, metalink, gpgcheck, gpgkey).
# gpgcheck is on unless it is set to False. On Fedora the key files are there (package fedora-gpg-keys). On a
# server without them, put the key of this release (https://fedoraproject.org/security) into /etc/pki/rpm-gpg
# and name that file in gpgkey.
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

# Path on the laptop of a file with the lines of a passwd and of a group file, which the numbers of users and
# groups begin with: Fedora's own of this release, or what `getent passwd; getent group` prints on a client
# (docs/operations.md). None: with those of the first build.
ostree_accounts_file = None

# --- When it is composed --------------------------------------------------------------------------

# True: deploy.py starts a compose of each environment below that has no build yet.
ostree_compose_on_setup = False

# Composed environments that are composed on set-up and at night.
ostree_compose_environments = ["dev"]

# True: compose every night, by a systemd timer.
ostree_compose_nightly = False

# Local time of the server, "HH:MM", 24 hours.
ostree_compose_time = "02:00"

# Minutes, 0 to 720: the timer waits a random time up to this long, so that servers do not start all at once.
ostree_compose_delay_minutes = 30

# GiB, a number: with less free space in a repository or in the cache, a compose or a promotion is refused.
ostree_minimum_free_gib = 20

# --- Gates of your own --------------------------------------------------------------------------------

# Path on the laptop of a folder of executables, which run on the server on every candidate, in name order
# (docs/gates.md). None: none.
ostree_gates_directory = None

# --- Who may do what on the server ----------------------------------------------------------------

# Logins that exist already: who may compose, who may promote, and who may approve and hold, without being
# administrators.
ostree_composers: list[str] = []
ostree_promoters: list[str] = []
ostree_approvers: list[str] = []

# SSH keys of the CI (docs/ci.md): name -> {"key": a line of a .pub file, "subcommands": what it may run}.
# Each logs in as ostree-ci and can run these subcommands of ostree-release, and nothing else.
ostree_ci_keys: dict[str, dict[str, object]] = {}

# --- Clients --------------------------------------------------------------------------------------

# The inventory's name of the server that a client gets its image from.
ostree_image_server = None

# What a client follows: a composed environment ("dev") or a ring ("pilot"; "qa/pilot" where two environments
# have a ring of that name).
ostree_follows = None

# True: tasks/rebase.py installs a systemd unit that writes after each boot, and every 15 minutes, whether
# systemd finds the system healthy. tasks/status.py collects it; the gate `soak` counts it.
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
