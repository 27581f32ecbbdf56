# Sourced: the environment of a release on this host. Needs TSUGI_ROOT, TSUGI_NAME and $vsn.
#
#   host's own  <  etc/env  <  what mix's env.sh says, where it does not look first
#
# TSUGI_ETC names what came out of etc/env, so that a variable removed there is gone at the next
# look, also inside a process that still carries it.
tsugi_unset_etc() {
  for tsugi_key in ${TSUGI_ETC:-}; do unset "$tsugi_key"; done
  TSUGI_ETC=
}

# What can't be read is said by the commands that need it whole (tsugi_settings:check/1).
tsugi_read_etc() {
  TSUGI_ETC=
  [ ! -f "$TSUGI_ROOT/etc/env" ] ||
    eval "$(LC_ALL=C awk -f "$TSUGI_LIB/priv/env.awk" "$TSUGI_ROOT/etc/env" 2>/dev/null)"
  export TSUGI_ETC
}

# What mix's own script sets, in its words.
tsugi_release_variables() {
  RELEASE_ROOT=$TSUGI_ROOT
  RELEASE_NAME=$TSUGI_NAME
  RELEASE_VSN=$vsn
  RELEASE_PROG=$TSUGI_NAME
  RELEASE_COMMAND=${RELEASE_COMMAND:-start}
  RELEASE_TMP=${RELEASE_TMP:-$TSUGI_ROOT/run/tmp}
  REL_VSN_DIR=$TSUGI_ROOT/releases/$vsn
  RELEASE_SYS_CONFIG=$REL_VSN_DIR/sys
  export RELEASE_ROOT RELEASE_NAME RELEASE_VSN RELEASE_PROG RELEASE_COMMAND RELEASE_TMP
  export RELEASE_SYS_CONFIG
  if [ -f "$REL_VSN_DIR/env.sh" ]; then . "$REL_VSN_DIR/env.sh"; fi
  # What nobody has said may stand in vm.args, as relx has it.
  TSUGI_NODE_SAID=${RELEASE_NODE:-}${RELEASE_DISTRIBUTION:-}
  export TSUGI_NODE_SAID
  RELEASE_NODE=${RELEASE_NODE:-$RELEASE_NAME}
  RELEASE_MODE=${RELEASE_MODE:-embedded}
  RELEASE_DISTRIBUTION=${RELEASE_DISTRIBUTION:-sname}
  RELEASE_BOOT_SCRIPT=${RELEASE_BOOT_SCRIPT:-start}
  RELEASE_BOOT_SCRIPT_CLEAN=${RELEASE_BOOT_SCRIPT_CLEAN:-start_clean}
  RELEASE_VM_ARGS=${RELEASE_VM_ARGS:-$REL_VSN_DIR/vm.args}
  RELEASE_REMOTE_VM_ARGS=${RELEASE_REMOTE_VM_ARGS:-$REL_VSN_DIR/remote.vm.args}
  export RELEASE_NODE RELEASE_MODE RELEASE_DISTRIBUTION RELEASE_BOOT_SCRIPT RELEASE_VM_ARGS
  export RELEASE_BOOT_SCRIPT_CLEAN RELEASE_REMOTE_VM_ARGS
  if [ -z "${RELEASE_COOKIE:-}" ] && [ -f "$TSUGI_ROOT/releases/COOKIE" ]; then
    RELEASE_COOKIE=$(cat "$TSUGI_ROOT/releases/COOKIE")
  fi
  export RELEASE_COOKIE
}

tsugi_environment() {
  tsugi_unset_etc
  # Left by the release that this process belongs to; each release says it for itself.
  [ -z "${TSUGI_RELEASE_VARIABLES:-}" ] || unset RELEASE_NODE RELEASE_MODE RELEASE_DISTRIBUTION \
    RELEASE_BOOT_SCRIPT RELEASE_BOOT_SCRIPT_CLEAN RELEASE_VM_ARGS RELEASE_REMOTE_VM_ARGS RELEASE_COOKIE RELEASE_TMP
  tsugi_read_etc
  tsugi_release_variables
  TSUGI_RELEASE_VARIABLES=1
  export TSUGI_RELEASE_VARIABLES
  read -r _tsugi tsugi_erts < "$TSUGI_ROOT/releases/$vsn/tsugi"
  TSUGI_ERTS=$TSUGI_ROOT/$tsugi_erts
}
