#!/bin/sh
# A VM with the code of one release and nothing started: evaluate.sh <vsn> <module> <function> <args…>
# For the configuration of a release that does not run yet, and for its migrations.
set -eu
vsn=$1
shift
. "$TSUGI_LIB/priv/environment.sh"
tsugi_environment
ROOTDIR=$TSUGI_ROOT BINDIR=$TSUGI_ERTS/bin EMU=beam PROGNAME=erl
export ROOTDIR BINDIR EMU PROGNAME
read -r tsugi _rest < "$TSUGI_ROOT/releases/$vsn/tsugi"
module=$1
function=$2
shift 2
exec "$BINDIR/erlexec" -boot "$TSUGI_ROOT/releases/$vsn/start_clean" \
  -boot_var RELEASE_LIB "$TSUGI_ROOT/lib" -noshell -noinput -mode interactive +fnu +B i +sbwt none \
  -pa "$TSUGI_ROOT/lib/$tsugi/ebin" -run "$module" "$function" -extra "$@" </dev/null
