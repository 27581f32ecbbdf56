#!/bin/sh
# bin/<app> of a BEAM release: finds the release that a boot would take and hands over to the
# control program in it. The same bytes for every application and version, safe to replace.
set -eu
self=$0
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
TSUGI_ROOT=$(CDPATH='' cd -P "$(dirname "$self")" && cd .. && pwd -P)
TSUGI_NAME=$(basename "$self")
self=$(CDPATH='' cd "$(dirname "$self")" && pwd)/$TSUGI_NAME
export TSUGI_ROOT TSUGI_NAME

# @include stepDown.sh

# start_erl.data is the truth; before the first start there is none, but only one release.
vsn=
[ ! -s "$TSUGI_ROOT/releases/start_erl.data" ] || read -r _erts vsn < "$TSUGI_ROOT/releases/start_erl.data" || :
if [ -z "$vsn" ] || [ ! -f "$TSUGI_ROOT/releases/$vsn/tsugi" ]; then
  vsn=
  for file in "$TSUGI_ROOT"/releases/*/tsugi; do
    [ -f "$file" ] || continue
    vsn=$(basename "$(dirname "$file")")
  done
fi
tsugi='' erts=''
case $vsn in */* | .*) vsn='' ;; esac
[ -z "$vsn" ] || read -r tsugi erts _rest < "$TSUGI_ROOT/releases/$vsn/tsugi" || :
case $tsugi:$erts in
  */* | .* | *:.*)
    echo "error: $TSUGI_ROOT/releases/$vsn/tsugi names what is no folder of this root" >&2
    echo "  → extract the tarball there again: tar xzf $TSUGI_NAME.tar.gz -C $TSUGI_ROOT" >&2
    exit 1 ;;
esac
TSUGI_LIB=$TSUGI_ROOT/lib/$tsugi
if [ -z "$tsugi" ] || [ ! -f "$TSUGI_LIB/priv/main.sh" ]; then
  echo "error: no whole release at $TSUGI_ROOT (looked for releases/*/tsugi and lib/tsugi-*)" >&2
  echo "  → extract the tarball there again: tar xzf $TSUGI_NAME.tar.gz -C $TSUGI_ROOT" >&2
  exit 1
fi
export TSUGI_LIB
release=$TSUGI_ROOT/releases/$vsn
refuse_open "$(open_to_others "$TSUGI_ROOT" "$self" "${self%/*}" "$TSUGI_ROOT/releases" \
  "$TSUGI_ROOT"/releases/start_erl.data "$release" "$release"/* "$TSUGI_ROOT/lib" "$TSUGI_LIB" \
  "$TSUGI_LIB"/ebin "$TSUGI_LIB"/ebin/* "$TSUGI_LIB"/priv "$TSUGI_LIB"/priv/*.sh \
  "$TSUGI_ROOT/$erts" "$TSUGI_ROOT/$erts/bin" "$TSUGI_ROOT/$erts"/bin/* "$TSUGI_ROOT/$erts/lib")" "$@"
exec /bin/sh "$TSUGI_LIB/priv/main.sh" "$vsn" "$@"
