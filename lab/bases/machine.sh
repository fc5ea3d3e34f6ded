#!/bin/sh
# Makes a root file system a machine of the lab: who can log in, how sshd behaves, what has no use in a container.
# Runs inside it, as root, while its image is built. Nothing here is what deploy.py is there to do.
set -eu

for login in admin composer promoter approver visitor; do
    useradd --create-home --shell /bin/bash "$login"
    # No password is set, and none is accepted; without the asterisk sshd takes the login for a locked one.
    usermod --password '*' "$login"
    install -d -m 0700 -o "$login" -g "$login" "/home/$login/.ssh"
done
echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/lab-admin
chmod 0440 /etc/sudoers.d/lab-admin

# The lab puts each machine's own key here before the first boot.
rm -f /etc/ssh/ssh_host_*
mkdir -p /etc/ssh/sshd_config.d
cat > /etc/ssh/sshd_config.d/10-lab.conf <<'CONFIG'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
# Says each command that a session runs, so that they can be counted.
LogLevel VERBOSE
CONFIG

# No console, no hardware, no kernel of its own, and no background updates. The ask-password paths and the users'
# own managers are masked because each takes inotify instances, which all containers of a machine share.
for unit in \
    getty.target console-getty.service dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount systemd-modules-load.service systemd-ask-password-console.path \
    systemd-ask-password-wall.path user@.service apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dnf-makecache.timer \
    systemd-firstboot.service
do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done

# Permissive: labels are managed as on a real server, although the kernel of the lab enforces nothing.
# Debian has no policy before deploy.py installs one, which is called default; Fedora's base brings targeted.
policy=default
[ ! -d /etc/selinux/targeted ] || policy=targeted
mkdir -p /etc/selinux
printf 'SELINUX=permissive\nSELINUXTYPE=%s\n' "$policy" > /etc/selinux/config

# Empty: each machine makes its own at its first boot.
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
