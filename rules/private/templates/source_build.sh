#!/bin/bash
# Builds a library from its source: the action of a source_library. Written by rules_cgo_prebuilt.
# With: {versions}
#
# Windows: Bazel runs this with its own bash (MSYS2's or Git's, see BAZEL_SH). A toolchain whose compiler is MSVC's cl gets
# no flags that remap paths, so that only GCC and Clang give the same bytes in every folder there.
set -eu

case "$OSTYPE" in
# Windows has a `find` and a `sort` of its own, which are not these.
msys* | cygwin*) PATH=/usr/bin:$PATH ;;
esac
export PATH # where nothing sets it, bash has a default of its own, for itself alone

label={label}
step=

execroot=$(pwd -P) # PWD may be one of the C toolchain's variables
work=$(mktemp -d "${TMPDIR:-/tmp}/source-build.XXXXXX")
work=$(cd "$work" && pwd -P)
trap 'rm -rf "$work"' EXIT
source=$work/source
mkdir "$source" "$work/home" "$work/cargo" "$work/tmp"

# Nothing is read of the user's own settings, nothing is left behind, and no output knows when it was made. What the library
# or a toolchain sets itself is in the action's environment already.
given={given}
for setting in "HOME=$work/home" "CARGO_HOME=$work/cargo" "TMPDIR=$work/tmp" \
    LC_ALL=C {environment}; do
    case " $given " in
    *" ${setting%%=*} "*) ;;
    *) export "${setting?}" ;;
    esac
done

look_for() {
    if [ ! -x "$1" ]; then
        echo "$2" >&2
        exit 1
    fi
}

look_on_path() {
    if ! command -v "$1" >/dev/null; then
        echo "$2" >&2
        exit 1
    fi
}

require_rust() {
    case "$("$1" -vV | sed -n 's/^release: //p')." in
    "$2".*) ;;
    *)
        echo "$3" >&2
        exit 1
        ;;
    esac
}
{look_for_tools}

# Copies the files in a list from a folder to the sources. Bazel's inputs may be links to files that are not to be written.
copy() {
    tar -chf - -C "$1" -T "$2" | tar -xf - -C "$source"
}
{copy_sources}
# One time for all: what is newer than what, make decides by, and a checkout says nothing about it.
find "$source" -type f -exec chmod u+w {} + -exec touch -t 198001010000 {} +

# Crates as a "directory source" of cargo: their archives were verified, so no file is listed for cargo to verify.
crate_sums={crate_sums}
if [ -n "$crate_sums" ]; then
    mkdir "$work/vendor" "$work/vendor-git"
    while read -r sum name; do
        case "$name" in
        *.tar) # of a Git repository, with a setting of cargo's that leads to it
            mkdir "$work/vendor-git/${name%.tar}"
            tar -xf - -C "$work/vendor-git/${name%.tar}" <"${crate_sums%/*}/$name"
            ;;
        *)
            tar -xzf - -C "$work/vendor" <"${crate_sums%/*}/$name"
            printf '{"files":{},"package":"%s"}' "$sum" >"$work/vendor/${name%.crate}/.cargo-checksum.json"
            ;;
        esac
    done <"$crate_sums"
fi

cc={cc}
cxx={cxx}
ar={ar}
arflags={arflags}
cflags={cflags}
cxxflags={cxxflags}
cargo_cflags={cargo_cflags}
cargo_cxxflags={cargo_cxxflags}
export LDFLAGS={ldflags}
remap={remap}
if [ -n "$remap" ]; then
    remap="$remap=$source=/source $remap=$CARGO_HOME=/cargo $remap=$work/vendor=/vendor $remap=$execroot=/execroot"
    cflags="$cflags $remap"
    cxxflags="$cxxflags $remap"
    cargo_cflags="$cargo_cflags $remap"
    cargo_cxxflags="$cargo_cxxflags $remap"
fi
jobs={jobs}
jobs=${jobs:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null || echo 2)}

# The C toolchain, as each tool takes it: variables, and the array `settings` of its command line.
prepare_cargo() {
    rust_target={rust_target}
    # The names that the `cc` crate and cargo read.
    lower=$(echo "$rust_target" | tr - _)
    upper=$(echo "$lower" | tr '[:lower:]' '[:upper:]')
    export CC_SHELL_ESCAPED_FLAGS=1
    export "CC_$lower=$cc" "CXX_$lower=$cxx" "CFLAGS_$lower=$cargo_cflags" "CXXFLAGS_$lower=$cargo_cxxflags"
    export "CARGO_TARGET_${upper}_LINKER=$cc"
    if [ -n "$ar" ]; then
        export "AR_$lower=$ar"
    fi
    export CARGO_TARGET_DIR=$source/target CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never
    # Not as `rustflags`, which a crate may have of its own: cargo takes those of one place and no others.
    rust_flags=("--remap-path-prefix=$CARGO_HOME=/cargo" "--remap-path-prefix=$source=/source")
    rust_flags+=("--remap-path-prefix=$work/vendor=/vendor" "--remap-path-prefix=$work/vendor-git=/vendor-git")
    link_flags=({rust_link_flags})
    settings=()
    if [ -n "$crate_sums" ]; then
        settings+=(--config 'source.crates-io.replace-with = "cgo-prebuilt"')
        settings+=(--config "source.cgo-prebuilt.directory = $(toml_strings "$work/vendor")")
        for config in "$work"/vendor-git/*/.cargo/config.toml; do
            if [ -f "$config" ]; then
                settings+=(--config "$config")
            fi
        done
    fi
    case "$OSTYPE" in
    msys* | cygwin*) # a script is no program there; the crate's flags for one target win over these
        export RUSTC={rustc}
        settings+=(--config "build.rustflags = [$(toml_strings "${rust_flags[@]}" ${link_flags[@]+"${link_flags[@]}"})]")
        ;;
    *)
        export RUSTC=$work/bin/rustc
        mkdir -p "$work/bin"
        write_rustc {rustc} {rust_cross_target} >"$RUSTC"
        chmod +x "$RUSTC"
        ;;
    esac
}

toml_strings() {
    local comma=
    for text in "$@"; do
        text=${text//\\/\\\\}
        printf '%s"%s"' "$comma" "${text//\"/\\\"}"
        comma=', '
    done
}

# A compiler with flags of ours before those of cargo. In a cross build those that link are for the target alone, which
# cargo names in the command line.
write_rustc() {
    echo '#!/bin/bash'
    echo "flags=($(quoted "${rust_flags[@]}"))"
    echo "link_flags=($(quoted ${link_flags[@]+"${link_flags[@]}"}))"
    echo 'case " $* " in'
    echo "*${2:+' --target '}*)" 'flags+=(${link_flags[@]+"${link_flags[@]}"}) ;;'
    echo 'esac'
    echo "exec $(quoted "$1")" '"${flags[@]}" "$@"'
}

quoted() {
    if [ $# -gt 0 ]; then
        printf '%q ' "$@"
    fi
}

# The toolchain's flags go with the compiler's name, so that the makefile's own CFLAGS stay, and count.
prepare_make() {
    settings=("CC=$cc $cflags" "CXX=$cxx $cxxflags")
    if [ -n "$ar" ]; then
        settings+=("AR=$ar" "RANLIB=$ar s")
    fi
}

prepare_cmake() {
    make={make}
    settings=(--no-warn-unused-cli ${make:+"-DCMAKE_MAKE_PROGRAM=$make"})
    settings+=("-DCMAKE_C_COMPILER=$cc" "-DCMAKE_CXX_COMPILER=$cxx" "-DCMAKE_C_FLAGS=$cflags" "-DCMAKE_CXX_FLAGS=$cxxflags")
    for kind in EXE MODULE SHARED; do
        settings+=("-DCMAKE_${kind}_LINKER_FLAGS=$LDFLAGS")
    done
    if [ -n "$ar" ]; then
        settings+=("-DCMAKE_AR=$ar")
        # The archiver writes the index. CMake would call a ranlib, which may not know the target's files.
        for language in C CXX; do
            settings+=("-DCMAKE_${language}_ARCHIVE_CREATE=<CMAKE_AR> $arflags <TARGET> <LINK_FLAGS> <OBJECTS>")
            settings+=("-DCMAKE_${language}_ARCHIVE_FINISH=")
        done
    fi
}

prepare_command() {
    export CC="$cc" CXX="$cxx" CFLAGS="$cflags" CXXFLAGS="$cxxflags"
    if [ -n "$ar" ]; then
        export AR="$ar"
    fi
    settings=()
}

build() {
    {build}
}

# In a subshell of its own, not in an `if`, where the shell would go on after a command that failed.
set +e
(
    set -e
    cd "$source"
    trap 'echo "$step" >"$work/step"' EXIT
    build
) >"$work/log" 2>&1 </dev/null
code=$?
set -e
if [ "$code" -ne 0 ]; then
    echo "$label: the source build failed ($(cat "$work/step"), exit code $code); the end of its output:" >&2
    # Behind a bar none of its lines passes for one of this script's.
    tail -n 200 "$work/log" | tr '\r' '\n' | LC_ALL=C sed 's/^/  | /' >&2
    if grep -q -e '--offline' "$work/log"; then
        echo "  next: say vendor: true in the source of a lock's manifest, or give the rule 'crates'; or vendor the crates:" \
            "run \`cargo vendor\`, save what it prints as .cargo/config.toml, and add both to srcs" >&2
    elif grep -q -e "can't find crate for \`core\`" -e "can't find crate for \`std\`" "$work/log"; then
        echo "  next: install Rust's standard library for the target: \`rustup target add" {rust_target}"\`" >&2
    fi
    exit "$code"
fi

collect() {
    if [ ! -f "$source/$1" ]; then
        echo "$label: the build wrote no $1; the libraries that there are now:" >&2
        (cd "$source" && find . -name '*.a' -o -name '*.lib' -o -name '*.so' -o -name '*.dylib' -o -name '*.dll') >&2
        exit 1
    fi
    cp -L "$source/$1" "$2"
}

# As `cgo-prebuilt pack --localize` does: one object, of which only the symbols that were asked for are global.
localize() {
    relocatable_flags=({relocatable_flags})
    "$cc" ${relocatable_flags[@]+"${relocatable_flags[@]}"} -r -nostdlib -Wl,--force-group-allocation -Wl,--whole-archive "$1" -o "$work/localized.o"
    {objcopy} --wildcard {keep_global} --remove-section=.llvmbc --remove-section=.llvmcmd "$work/localized.o"
    rm -f "$1"
    "${ar:-ar}" rcsD "$1" "$work/localized.o"
}
{collect_outputs}
