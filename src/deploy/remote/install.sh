# shellcheck shell=sh
# The first release of a root. It stays in a folder of its own until it is whole; bin/ comes last.
# When that folder is there already, an install was cut off: what is beside it is of that one. One
# that fails leaves nothing. tsugi's own reader has verified the tarball where it was sent from, and takes
# only what every tar reads alike (src/handler/tarShape.ts); here its SHA-256 has to be the same.
set -eu
root=$1 stage=$2 bin=$3 bytes=$4 sha256=$5
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
# What was verified before it was sent is what came: nothing else is extracted.
if command -v sha256sum >/dev/null 2>&1; then found=$(sha256sum <"$stage/release.tar.gz")
elif command -v shasum >/dev/null 2>&1; then found=$(shasum -a 256 <"$stage/release.tar.gz")
else found=$(openssl dgst -sha256 -r <"$stage/release.tar.gz"); fi
[ "${found%% *}" = "$sha256" ] || { echo "another file arrived than was sent (SHA-256 ${found%% *})" >&2; exit 1; }
gzip -dc <"$stage/release.tar.gz" | tar xof - -C "$stage"
rm "$stage/release.tar.gz"
moving=yes
for part in "$stage"/*; do [ "$part" = "$stage/bin" ] || mv "$part" "$root/"; done
mv "$stage/bin" "$root/bin"
rmdir "$stage"
