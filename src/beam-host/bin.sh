#!/bin/sh
# bin/<app> of a BEAM release: finds the release that a boot would take and hands over to the
# control program in it. The same bytes for every application and version, safe to replace.
set -eu
# @include path.sh
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
again="extract the tarball there again: tar xzf $TSUGI_NAME.tar.gz -C $TSUGI_ROOT"
case $tsugi:$erts in
  */* | .* | *:.*)
    no_release "releases/$vsn/tsugi names what is no folder of this root" "$again" "$@" ;;
esac
TSUGI_LIB=$TSUGI_ROOT/lib/$tsugi
if [ -z "$tsugi" ] || [ ! -f "$TSUGI_LIB/priv/main.sh" ]; then
  no_release "no whole release is there (looked for releases/*/tsugi and lib/tsugi-*)" "$again" "$@"
fi
export TSUGI_LIB
release=$TSUGI_ROOT/releases/$vsn
refuse_open "$(open_to_others "$TSUGI_ROOT" "$self" "${self%/*}" "$TSUGI_ROOT/releases" \
  "$TSUGI_ROOT"/releases/start_erl.data "$release" "$release"/* "$TSUGI_ROOT/lib" "$TSUGI_LIB" \
  "$TSUGI_LIB"/ebin "$TSUGI_LIB"/ebin/* "$TSUGI_LIB"/priv "$TSUGI_LIB"/priv/*.sh \
  "$TSUGI_ROOT/$erts" "$TSUGI_ROOT/$erts/bin" "$TSUGI_ROOT/$erts"/bin/* "$TSUGI_ROOT/$erts/lib")" "$@"
exec /bin/sh "$TSUGI_LIB/priv/main.sh" "$vsn" "$@"
