#!/bin/sh
# The command of a tsugi release: finds the install root (through symbolic links), reads which
# release is permanent, and hands over to that release's own Node and control program. The same
# bytes for every application and version, so that an upgrade need not touch it.

# @include path.sh

self=$0
case $self in
*/*) ;;
*) self=$(command -v -- "$self") ;;
esac
while [ -h "$self" ]; do
  target=$(readlink "$self")
  case $target in
  /*) self=$target ;;
  *) self=${self%/*}/$target ;;
  esac
done
TSUGI_NAME=${self##*/}
TSUGI_ROOT=$(CDPATH='' cd -- "${self%/*}/.." && pwd -P) || exit 1
self=$(CDPATH='' cd -- "${self%/*}" && pwd)/$TSUGI_NAME
export TSUGI_NAME TSUGI_ROOT

# @include stepDown.sh

case $TSUGI_ROOT in
*\\*) no_release "Node loads nothing from a path with a backslash in it" "Move it to another folder." "$@" ;;
esac
runtime='' tsugi=''
if [ -f "$TSUGI_ROOT/releases/permanent" ]; then
  # One line: version releaseId runtimeDir tsugiDir
  read -r vsn _ runtime tsugi <"$TSUGI_ROOT/releases/permanent"
  case $vsn:$runtime:$tsugi in
  */* | *:.* | *[!-:0-9A-Za-z.+_]*) no_release "releases/permanent names what is no folder of this root" \
    "it is one line: version releaseId runtimeDir tsugiDir, as $TSUGI_ROOT/releases/*/release.json has them" "$@" ;;
  esac
else
  # Never started: the tarball that was extracted brought one of each.
  for found in "$TSUGI_ROOT"/runtime/node-* "$TSUGI_ROOT"/lib/tsugi-*; do
    case $found in
    */runtime/*) known=$runtime runtime=${found##*/} ;;
    *) known=$tsugi tsugi=${found##*/} ;;
    esac
    [ -z "$known" ] || no_release "it holds several releases and none is permanent" \
      "write 'version releaseId runtimeDir tsugiDir' into $TSUGI_ROOT/releases/permanent" "$@"
  done
fi

node=$TSUGI_ROOT/runtime/$runtime/bin/node
control=$TSUGI_ROOT/lib/$tsugi/control.mjs
[ -n "$tsugi" ] && [ -f "$node" ] && [ -f "$control" ] ||
  no_release "no whole release is there (looked for $node and $control)" \
    "extract the tarball there again: tar xzf $TSUGI_NAME.tar.gz -C $TSUGI_ROOT" "$@"
[ -x "$node" ] || no_release "$node can't be executed" \
  "its mode, or a file system that is mounted noexec: ls -l $node; findmnt -T $TSUGI_ROOT" "$@"
refuse_open "$(open_to_others "$TSUGI_ROOT" "$self" "${self%/*}" "$TSUGI_ROOT"/releases "$TSUGI_ROOT"/releases/permanent \
  "$TSUGI_ROOT/runtime" "$TSUGI_ROOT/runtime/$runtime" "${node%/*}" "$node" \
  "$TSUGI_ROOT/lib" "${control%/*}" "${control%/*}"/*.mjs)" "$@"
# It is meant for the application's Node, which gets it (surroundings.ts): a --require of another folder, or an
# --inspect, would end this one, or take its port.
[ -z "${NODE_OPTIONS:-}" ] || export TSUGI_NODE_OPTIONS="$NODE_OPTIONS"
unset NODE_OPTIONS
exec "$node" "$control" "$@"
