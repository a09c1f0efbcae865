#!/bin/sh
# Runs a command in a root folder as if that were this machine.
#
# usage: in_root.sh ROOT COMMAND [ARG...]
#
# The root's own system folders are seen, and every other folder of the host at its own path. All of
# it happens in a mount namespace of this process: nothing is mounted on the host, so deleting the
# root deletes nothing else, and the mounts end with the last process in there (a Bazel server).
set -eu

if [ "$1" != --inside ]; then
    exec unshare --mount --propagation slave "$0" --inside "$@"
fi
root=$2
shift 2
here=$(pwd)

mount --bind "$root" "$root" # pivot_root takes a mount point only
for folder in /* /usr/local /var/tmp; do
    case $folder in
    /bin | /boot | /etc | /lib* | /lost+found | /media | /mnt | /run | /sbin | /usr | /var) continue ;;
    esac
    if [ -L "$folder" ] || [ ! -d "$folder" ]; then
        continue
    fi
    [ -d "$root$folder" ] || mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
done

# How this host reaches the network. A CA bundle that the environment names must be at the same path.
for file in /etc/hosts /etc/pip.conf /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt \
    "${SSL_CERT_FILE:-}" "${REQUESTS_CA_BUNDLE:-}"; do
    case $file in
    /etc/* | /usr/*) [ -f "$file" ] || continue ;;
    *) continue ;;
    esac
    if [ ! -e "$root$file" ]; then
        mkdir -p "$root${file%/*}"
        : >"$root$file"
    fi
    mount --bind "$file" "$root$file"
done

# Not chroot: the kernel gives a process in a chroot no user namespace, and Bazel's sandbox needs one.
cd "$root"
pivot_root . .
umount --lazy .
cd "$here"
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH exec "$@"
