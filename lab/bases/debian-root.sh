#!/bin/sh
# A hook of mmdebstrap: $1 is the new root file system, LAB_ARCHIVE lists packages, LAB_MACHINE is machine.sh.
set -eu
root=$1
archive=/usr/share/lab-archive

# Everything deploy.py may install is fetched now, so that no lab needs a network later.
mkdir -p "$root$archive"
# shellcheck disable=SC2086 # a list of package names
chroot "$root" apt-get install --yes --quiet --download-only --no-install-recommends \
    -o Dir::Cache::archives="$archive" $LAB_ARCHIVE
rm -rf "$root$archive/partial" "$root$archive/lock"
chroot "$root" /bin/sh -eu -c '
    cd "$1"
    for package in *.deb; do
        dpkg-deb --field "$package"
        echo "Filename: ./$package"
        echo "Size: $(stat --format=%s "$package")"
        echo "SHA256: $(sha256sum "$package" | cut -d " " -f 1)"
        echo
    done > Packages
' sh "$archive"

rm -rf "$root"/var/lib/apt/lists/* "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:$archive ./" > "$root/etc/apt/sources.list"
echo 'APT::Install-Recommends "false";' > "$root/etc/apt/apt.conf.d/90lab"
chroot "$root" apt-get update --quiet

chroot "$root" /bin/sh -s < "$LAB_MACHINE"
