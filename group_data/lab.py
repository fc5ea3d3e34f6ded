"""Settings of the lab: the image is made of the lab's own small packages, which need no network."""

from platform import machine as _machine

# The lab's machines are containers on this one.
ostree_architecture = _machine()

# How clients reach the server, on the lab's image network.
ostree_public_name = "images.lab"

ostree_base_packages = ["setup", "lab-base", "kernel", "rpm-ostree"]
ostree_desktop_packages = ["kinoite-branding", "plasma-login-manager"]
ostree_system_packages = ["dracut", "btrfs-progs", "cryptsetup", "lvm2", "bootupd"]
ostree_additional_packages = ["hello"]
ostree_exclude_packages: list[str] = []
ostree_architecture_packages: dict[str, list[str]] = {}
# The lab's image has no SELinux policy to label its files with.
ostree_treefile_options = {"selinux": False}

ostree_package_repositories = {
    "lab": {"name": "The lab's packages", "baseurl": "file:///srv/lab/packages", "gpgcheck": False},
}

# Laptops have less room than servers, and the lab's image is small.
ostree_minimum_free_gib = 1

ostree_composers = ["composer"]
ostree_promoters = ["promoter"]
ostree_approvers = ["approver"]

# Nobody waits a day in a lab, and the first release comes before the first client.
ostree_environment_prod = {
    "promotes_from": "dev",
    "rings": ["pilot", "stable"],
    "gates": {"soak": {"hours": 0, "clients": 0}},
}
