"""Your machines: copy this file, put your own names in, and run, in the repository's folder:

    .venv/bin/pyinfra inventories/mine.py deploy.py --dry

A list is a group; a host is its name (as in DNS, or as in your ~/.ssh/config), or a tuple of its name and
what differs for this host. group_data/all.py has every setting. Log in as a user of your own with sudo.
"""

# The server that composes, keeps and serves images.
image_servers = [
    (
        "images.example.org",
        {
            "ssh_user": "admin",
            # Members of these lists need no sudo rights of their own.
            "ostree_composers": [],
            "ostree_promoters": [],
        },
    ),
]

# A workstation for tests, which follows every build, and two that follow a ring each: what a group follows is
# in group_data/dev_clients.py, pilot_clients.py and stable_clients.py.
dev_clients = (["desk-1.example.org"], {"ssh_user": "admin", "ostree_image_server": "images.example.org"})
pilot_clients = (["desk-2.example.org"], {"ssh_user": "admin", "ostree_image_server": "images.example.org"})
stable_clients = (["desk-3.example.org"], {"ssh_user": "admin", "ostree_image_server": "images.example.org"})
