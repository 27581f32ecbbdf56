#!/bin/sh
# A shell inside the running node: IEx where the release has it, Erlang's otherwise.
set -eu
vsn=$1
. "$TSUGI_LIB/priv/environment.sh"
tsugi_environment
read -r kind node < "$TSUGI_ROOT/run/node"
args=$TSUGI_ROOT/run/console.$$.args
umask 077
own="console-$$-${node%%@*}"
case $node in *@*) [ "$kind" = sname ] || own="$own@${node#*@}" ;; esac
printf -- '-%s %s\n-setcookie %s\n-hidden\n-start_epmd false\n' "$kind" "$own" "$RELEASE_COOKIE" > "$args"
trap 'rm -f "$args"' EXIT
# What the release says for shells (rel/remote.vm.args.eex); OTP takes the first of two node names.
set -- --vm-args "$args"
[ ! -f "$RELEASE_REMOTE_VM_ARGS" ] || set -- "$@" --vm-args "$RELEASE_REMOTE_VM_ARGS"
if [ -f "$TSUGI_ROOT/releases/$vsn/iex" ]; then
  /bin/sh "$TSUGI_ROOT/releases/$vsn/iex" "$@" \
    --boot "$TSUGI_ROOT/releases/$vsn/start_clean" --boot-var RELEASE_LIB "$TSUGI_ROOT/lib" \
    --remsh "$node"
else
  ROOTDIR=$TSUGI_ROOT BINDIR=$TSUGI_ERTS/bin EMU=beam PROGNAME=erl
  export ROOTDIR BINDIR EMU PROGNAME
  "$BINDIR/erlexec" -boot "$TSUGI_ROOT/releases/$vsn/start_clean" \
    -boot_var RELEASE_LIB "$TSUGI_ROOT/lib" -args_file "$args" -remsh "$node"
fi
