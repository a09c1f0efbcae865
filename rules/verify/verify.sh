# Does the work of verify.c if no C toolchain builds for the execution platform. Call `. verify.sh` with the parameters' file
# as $1. It uses the first program that computes SHA-256 here.
set -eu

if command -v sha256sum >/dev/null; then
    hash_file() { sha256sum <"$1"; }
elif command -v shasum >/dev/null; then
    hash_file() { shasum -a 256 <"$1"; }
elif command -v openssl >/dev/null; then
    hash_file() { openssl dgst -sha256 -r <"$1"; }
else
    echo "there is no program here that computes SHA-256: sha256sum, shasum or openssl" >&2
    echo "  next: install one, or register a C toolchain for the platform that this runs on" >&2
    exit 1
fi

exec 3<"$1"
IFS= read -r output <&3
IFS= read -r release <&3
IFS= read -r repair <&3
changed=
while IFS= read -r locked <&3 && IFS= read -r path <&3; do
    found=$(hash_file "$path")
    found=${found%% *}
    [ "$found" = "$locked" ] && continue
    if [ -z "$changed" ]; then
        echo "$release is not what its lock names: it was changed after it was fetched" >&2
        changed=yes
    fi
    printf '  at: %s\n    its sha256:   %s\n    in the lock:  %s\n' "$path" "$found" "$locked" >&2
done
if [ -n "$changed" ]; then
    printf '  next: %s\n' "$repair" >&2
    exit 1
fi
echo "/* All files are those that the lock names. */" >"$output"
