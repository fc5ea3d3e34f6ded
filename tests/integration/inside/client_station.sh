# Keep what stopped clients have on their disks, or set them back: sh -c ... keep|set-back VOLUME KEPT [VOLUME KEPT ...],
# in a container with all volumes in /volumes. As lab/clients.py copies an installation: objects and /usr are shared
# by hard links, what a machine writes is its own.
set -eu
action=$1; shift
own() {
    ls -d boot ostree/repo/* ostree/deploy/*/var ostree/deploy/*/deploy/*.*[0-9]/etc ostree/deploy/*/deploy/*.origin |
        grep -v '/repo/objects$'
}
while [ $# -gt 0 ]; do
    volume=/volumes/$1/_data kept=/volumes/$2/_data; shift 2
    if [ "$action" = keep ]; then from=$volume to=$kept; else from=$kept to=$volume; fi
    [ "$action" = keep ] || [ -e "$kept/complete" ] || { echo "$kept is not whole" >&2; exit 1; }
    rm -f "$to/complete"
    chattr -f -i "$to"/ostree/deploy/*/deploy/*.*[0-9] || true
    find "$to" -mindepth 1 -delete
    cd "$from"
    cp -al ostree "$to/"
    own >/tmp/own
    (cd "$to" && xargs -d '\n' rm -rf -- </tmp/own)
    xargs -d '\n' cp -a --parents -t "$to" </tmp/own
    if [ "$action" = keep ]; then touch "$to/complete"; else chattr +i "$to"/ostree/deploy/*/deploy/*.*[0-9]; fi
done
