#!/bin/sh
# Runs a command in a root folder as if that were another machine, which shares only the loopback.
#
# usage: apart.sh ROOT DATA COMMAND [ARG...]
#
# The root is read-only, so that many can use it at once; the host's folder DATA is its /srv, and no
# other folder of the host is seen. Whatever the command started ends with this process.
set -eu

if [ "$1" != --inside ]; then
    exec unshare --mount --pid --fork --kill-child --propagation slave "$0" --inside "$@"
fi
root=$2
data=$3
shift 3

mount --bind "$root" "$root" # pivot_root takes a mount point only
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$data" "$root/srv"
cd "$root"
pivot_root . .
umount --lazy .
cd /srv
# Not exec: a process that changes its user, as PostgreSQL's does, no longer ends with unshare; this shell does, and it is
# the first process in there, without which there is no other.
env -i HOME=/srv LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" &
wait $!
