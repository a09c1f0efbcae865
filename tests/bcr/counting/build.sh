# Builds libcounting.a with what source_library hands on of the C toolchain.
set -eu

case "${CC##*[/\\]}" in
cl.exe)
    # MSVC's archiver is no `ar`, so none is handed on; it is beside the compiler. And a shell of Windows takes flags of MSVC
    # for paths, unless they begin with a dash.
    "$CC" -nologo -c -O2 counting.c -Focounting.obj
    "${CC%cl.exe}lib.exe" -nologo -out:libcounting.a counting.obj
    ;;
*)
    "$CC" $CFLAGS -c counting.c -o counting.o
    "${AR:-ar}" rcs libcounting.a counting.o
    ;;
esac
