# shellcheck shell=sh
# A tarball into the drop box; under its name only when it is whole.
set -eu
box=$1 bytes=$2
part=$box.part
mkdir -p "${box%/*}"
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM PIPE
cat >"$part"
found=$(wc -c <"$part")
[ "$found" -eq "$bytes" ] || { echo "$found of $bytes bytes arrived" >&2; exit 1; }
mv "$part" "$box"
