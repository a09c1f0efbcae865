#!/bin/sh
# Prints the environment in which a plain `go build` links the library; with arguments, runs them in it,
# in the folder that `bazel run` was called from.
set -eu

case "$0" in
/*) runfiles="$0.runfiles" ;;
*) runfiles="$PWD/$0.runfiles" ;;
esac
[ -d "$runfiles" ] || runfiles="$RUNFILES_DIR"

{flags}
# What cgo uses where CGO_CFLAGS is not set; setting it would silently drop them.
cflags="${CGO_CFLAGS:--O2 -g} $own_cflags"
ldflags="${CGO_LDFLAGS:+$CGO_LDFLAGS }$own_ldflags"

if [ $# -gt 0 ]; then
    cd "${BUILD_WORKING_DIRECTORY:-.}"
    CGO_CFLAGS="$cflags" CGO_LDFLAGS="$ldflags" exec "$@"
fi

quote() {
    printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}
printf 'export CGO_ENABLED=1\n'
printf 'export CGO_CFLAGS=%s\n' "$(quote "$cflags")"
printf 'export CGO_LDFLAGS=%s\n' "$(quote "$ldflags")"
