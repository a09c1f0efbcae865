#!/bin/sh
# Makes a root folder with a Debian suite's Bazel in it.
#
# usage: make_root.sh ROOT SUITE MIRROR PACKAGE...       (an empty MIRROR is debootstrap's own default)
#
# It runs in a mount namespace of its own, so that an interrupted run leaves nothing mounted.
set -eu

if [ "$1" != --inside ]; then
    exec unshare --mount --propagation slave "$0" --inside "$@"
fi
root=$2
suite=$3
mirror=$4
shift 4

# `sid`: debootstrap's script for every suite since; an older debootstrap has none of this suite's name.
debootstrap --force-check-gpg --variant=minbase --include=ca-certificates \
    "$suite" "$root" "$mirror" sid

# A test root need not survive a power cut, and nobody reads manuals in it.
cat >"$root/etc/dpkg/dpkg.cfg.d/test-root" <<'CONF'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
CONF
# A mirror that stands still has an expired Release file; its signature is checked all the same.
echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/test-root"

for folder in /proc /sys /dev; do
    mount --rbind "$folder" "$root$folder"
done
cp /etc/resolv.conf "$root/etc/resolv.conf"
export DEBIAN_FRONTEND=noninteractive
chroot "$root" dpkg --add-architecture arm64
chroot "$root" apt-get update
chroot "$root" apt-get install --yes --no-install-recommends "$@"
chroot "$root" apt-get clean
rm -rf "$root"/var/lib/apt/lists/*
