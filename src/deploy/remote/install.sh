# shellcheck shell=sh
# The first release of a root. It stays in a folder of its own until it is whole; bin/ comes last.
# When that folder is there already, an install was cut off: what is beside it is of that one. One
# that fails leaves nothing.
set -eu
root=$1 stage=$2 bin=$3 bytes=$4
umask 022
[ ! -x "$bin" ] || exit 0
mkdir -p "$root"
for part in "$root"/bin "$root"/releases "$root"/lib "$root"/runtime "$root"/erts-*; do
  [ -e "$part" ] || continue
  [ -d "$stage" ] || { echo "$part is there and is not of a tsugi release" >&2; exit 1; }
  rm -rf "$part"
done
rm -rf "$stage"
moving=no
trap '[ "$moving" = yes ] || rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM PIPE
mkdir "$stage"
cat >"$stage/release.tar.gz"
found=$(wc -c <"$stage/release.tar.gz")
[ "$found" -eq "$bytes" ] || { echo "$found of $bytes bytes arrived" >&2; exit 1; }
gzip -dc <"$stage/release.tar.gz" | tar xof - -C "$stage"
rm "$stage/release.tar.gz"
moving=yes
for part in "$stage"/*; do [ "$part" = "$stage/bin" ] || mv "$part" "$root/"; done
mv "$stage/bin" "$root/bin"
rmdir "$stage"
