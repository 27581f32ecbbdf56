#!/bin/sh
# An expression in a VM of its own, with a release's code and configuration and nothing started, as mix's eval:
# eval.sh <vsn> <expression>. The call and the configuration have been seen to.
set -eu
vsn=$1
[ "$2" != -- ] || shift
. "$TSUGI_LIB/priv/environment.sh"
tsugi_environment
release=$TSUGI_ROOT/releases/$vsn
if [ -f "$release/elixir" ]; then
  exec /bin/sh "$release/elixir" --erl "+fnu -pa $release/consolidated" --erl-config "$RELEASE_SYS_CONFIG" \
    --boot "$release/$RELEASE_BOOT_SCRIPT_CLEAN" --boot-var RELEASE_LIB "$TSUGI_ROOT/lib" \
    --vm-args "$RELEASE_VM_ARGS" --eval "$2"
fi
ROOTDIR=$TSUGI_ROOT BINDIR=$TSUGI_ERTS/bin EMU=beam PROGNAME=erl
export ROOTDIR BINDIR EMU PROGNAME
exec "$BINDIR/erlexec" -boot "$release/$RELEASE_BOOT_SCRIPT_CLEAN" -boot_var RELEASE_LIB "$TSUGI_ROOT/lib" \
  -config "$RELEASE_SYS_CONFIG" -noshell +fnu +B d -eval "$2" -s init stop
