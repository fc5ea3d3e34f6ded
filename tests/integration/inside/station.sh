# Keep what the server holds under a name, or set the server back to it: sh -s keep|set-back NAME, as root on it.
# The caches stay: a compose has to be right whatever they hold.
set -eu
kept=/srv/stations/$2
repositories=/srv/ostree
state=/var/lib/ostree-release
packages=/srv/lab/packages

# Objects become hard links, because they never change: a test that damages one makes a copy of it first.
copy_repositories() {
    mkdir -p "$2"
    (cd "$2" && find . -not -type d -not -path '*/objects/*' -delete)
    for repository in "$2"/rpm-ostree/*/; do
        [ -d "$1/rpm-ostree/$(basename "$repository")" ] || rm -rf "$repository"
    done
    objects "$1" >/tmp/station-from
    objects "$2" >/tmp/station-to
    LC_ALL=C comm -13 /tmp/station-from /tmp/station-to | cut -f 1 | (cd "$2" && xargs -rd '\n' rm -f --)
    LC_ALL=C comm -23 /tmp/station-from /tmp/station-to | cut -f 1 |
        (cd "$1" && xargs -rd '\n' cp -al --parents -t "$2")
    (cd "$1" && find . -not -type d -not -path '*/objects/*' -print0 | xargs -0r cp -a --parents -t "$2")
}
# Path and inode: the same inode has the same content.
objects() { (cd "$1" && find . -type f -path '*/objects/*' -printf '%P\t%i\n' | LC_ALL=C sort); }
# A folder's content, because one of them is a mount.
copy() { mkdir -p "$2" && find "$2" -mindepth 1 -delete && cp -a "$1/." "$2/"; }

case $1 in
keep)
    rm -f "$kept/complete"
    copy_repositories $repositories "$kept/repositories"
    copy $state "$kept/state"
    copy $packages "$kept/packages"
    touch "$kept/complete"
    ;;
set-back)
    copy_repositories "$kept/repositories" $repositories
    copy "$kept/state" $state
    copy "$kept/packages" $packages
    ;;
esac
