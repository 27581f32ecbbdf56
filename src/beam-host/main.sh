#!/bin/sh
# The control program: an Erlang VM without a node of its own until a command needs one. Its first
# argument is the version that bin/<app> has found.
set -eu
vsn=$1
shift
. "$TSUGI_LIB/priv/environment.sh"

# bin/<app> has stepped down to the owner of the root; one of an older tsugi may not have.
if [ "$(id -u)" = 0 ]; then
  owner=$(LC_ALL=C ls -ldn "$TSUGI_ROOT/." | { read -r _ _ owner _ && echo "$owner"; })
  if [ "$owner" != 0 ]; then
    echo "error TSUGI_ROOT_OF_ANOTHER" >&2
    echo "  $TSUGI_ROOT belongs to user $owner, and root can't act for them here." >&2
    echo "  → sudo -u '#$owner' $TSUGI_ROOT/bin/$TSUGI_NAME $*" >&2
    exit 4
  fi
fi

# Mix's and Erlang's own scripts, which start the VM, can't live in every path: no blank, quote or sign
# that means something to sh, no colon (PATH). In the words of errors.json.
root_path_problem() {
  case $TSUGI_ROOT in *[[:space:]\'\"\\\$\`\!\*\?\[\]\{\}\(\)\<\>\|\&\;:]*) return 0 ;; esac
  case $TSUGI_ROOT in *[!\ -~]*) ;; *) return 1 ;; esac
  # What is no UTF-8 has no name in Erlang.
  printf '%s\n' "$TSUGI_ROOT" | LC_ALL=C.UTF-8 grep -qaxv '.*' 2>/dev/null
}
if root_path_problem; then
  echo "error TSUGI_BEAM_ROOT_PATH" >&2
  echo "  The path of the install root has a character that Erlang's and Elixir's own scripts can't live with: $TSUGI_ROOT" >&2
  echo "  → Move it to one of letters, digits and . _ - + @ , = % ~ #" >&2
  exit 1
fi

# Erlang looks for modules in the current folder too, and complains on stdout where the owner of the
# root may not enter it: root's own, for instance.
{ [ -r . ] && [ -x . ]; } || cd "$TSUGI_ROOT"

# Mix's words for them.
case ${1:-} in
  remote) shift; set -- console "$@" ;;
  daemon) shift; set -- start "$@" ;;
esac
# What mix's env.sh may ask for.
case ${1:-} in
  console) RELEASE_COMMAND=remote ;;
  rpc | eval) RELEASE_COMMAND=$1 ;;
  *) RELEASE_COMMAND=start ;;
esac
export RELEASE_COMMAND

# Of `start` and `restart`: the system begins with what systemd would give it, not with what this shell
# has (tokens, sockets of agents, SUDO_USER). As src/control/surroundings.ts; RELEASE_* are mix's words, and
# Phoenix's bin/server says PHX_SERVER.
defined_environment() {
  for name in $(awk 'BEGIN { for (name in ENVIRON) if (name ~ /^[A-Za-z_][A-Za-z0-9_]*$/) print name }'); do
    case $name in
      TSUGI_* | RELEASE_* | PHX_SERVER | ERL_EPMD_* | LANG | LANGUAGE | LC_* | HOME | PWD) ;;
      CREDENTIALS_DIRECTORY | RUNTIME_DIRECTORY | STATE_DIRECTORY | CACHE_DIRECTORY) ;;
      LOGS_DIRECTORY | CONFIGURATION_DIRECTORY) ;;
      *) unset "$name" ;;
    esac
  done
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  export PATH
  USER=$(id -un 2>/dev/null) || { unset USER; return 0; }
  LOGNAME=$USER
  home=$(getent passwd "$USER" 2>/dev/null | cut -d: -f6) || home=''
  HOME=${home:-$HOME}
  export USER LOGNAME HOME
}
case ${1:-}:" $* " in
  *' --keep-env '*) ;;
  start:* | restart:*) defined_environment ;;
esac
# Erlang does not start without.
HOME=${HOME:-$TSUGI_ROOT}
export HOME

umask 027
mkdir -p "$TSUGI_ROOT/run" "$TSUGI_ROOT/log" "$TSUGI_ROOT/etc" "$TSUGI_ROOT/var"
tsugi_environment

ROOTDIR=$TSUGI_ROOT
BINDIR=$TSUGI_ERTS/bin
EMU=beam
PROGNAME=erl
TSUGI_SH_PID=$$
export ROOTDIR BINDIR EMU PROGNAME TSUGI_SH_PID
paths=$TSUGI_LIB/ebin
for dir in "$TSUGI_ERTS"/lib/crypto-*/ebin "$TSUGI_ERTS"/lib/sasl-*/ebin; do paths="$paths $dir"; done
# OTP reads a cookie in HOME as soon as there is a node, makes one where there is none, and on a full
# disk an empty one, with which no VM starts any more. We have our own (tsugi_remote). Until that is set
# nobody may come in; who doesn't listen waits for libcrypto (40 ms), so not where there is a cookie.
no_home_cookie='-nocookie -dist_listen false'
[ ! -s "${HOME:-}/.erlang.cookie" ] || no_home_cookie=
# Ctrl-C ends this program (+B d); what it has begun goes on in the node.
control() {
  how=$1
  shift
  # shellcheck disable=SC2086
  $how "$BINDIR/erlexec" -boot "$TSUGI_ROOT/releases/$vsn/start_clean" \
    -boot_var RELEASE_LIB "$TSUGI_ROOT/lib" -noshell -hidden -start_epmd false \
    $no_home_cookie +fnu +B d +sbwt none +S 1 +A 1 -kernel logger_level error net_setuptime 5 \
    -sasl releases_dir "\"$TSUGI_ROOT/releases\"" -pa $paths -run tsugi_cli main -extra "$vsn" "$@"
}

# The simplest calls need no VM, which takes a quarter of a second; whatever is odd about them does.
only_numbers() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

plain_pid() {
  [ $# = 1 ] && read -r pid 2>/dev/null < "$TSUGI_ROOT/run/pid" && only_numbers "$pid" &&
    tr '\0' '\n' 2>/dev/null < "/proc/$pid/cmdline" | grep -qF -e "$TSUGI_ROOT/"
}

plain_logs() {
  [ -f "$TSUGI_ROOT/log/$TSUGI_NAME.log" ] || return 1
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      -f | --follow) ;;
      -n | --lines) shift; only_numbers "${1:-}" || return 1 ;;
      *) return 1 ;;
    esac
    shift
  done
}

# `help`, `help <command>`, `<command> --help`: written when the release was built.
plain_help() {
  case $#:${1:-}:${2:-} in
    0:* | 1:help: | 1:-h: | 1:--help:) verb=all ;;
    2:help:all) return 1 ;;
    2:help:*) verb=$2 ;;
    2:*:-h | 2:*:--help) verb=$1 ;;
    *) return 1 ;;
  esac
  case $verb in *[!a-z]*) return 1 ;; esac
  [ -f "$TSUGI_LIB/priv/help/$verb" ] || return 1
  text=$(cat "$TSUGI_LIB/priv/help/$verb")
  for mark in "NAME:$TSUGI_NAME" "ROOT:$TSUGI_ROOT"; do
    rest=$text
    text=
    while [ "$rest" != "${rest#*@"${mark%%:*}"@}" ]; do
      text=$text${rest%%@"${mark%%:*}"@*}${mark#*:}
      rest=${rest#*@"${mark%%:*}"@}
    done
    text=$text$rest
  done
  printf '%s\n' "$text"
}

if plain_help "$@"; then exit 0; fi
case ${1:-} in
  pid) if plain_pid "$@"; then echo "$pid"; exit 0; fi ;;
  logs) if plain_logs "$@"; then shift; exec /bin/sh "$TSUGI_LIB/priv/logs.sh" "$@"; fi ;;
esac

# Until Ctrl-C: the VM can't clean up after it, so the terminal is given back here.
watches() {
  [ "${1:-}" = status ] || return 1
  case " $* " in *' -h '* | *' --help '*) return 1 ;; *' -w '* | *' --watch '*) ;; *) return 1 ;; esac
}

watch() {
  # The terminal's name: what the VM starts has none of its own to ask for its size.
  TSUGI_TERMINAL=
  case "${TERM:-dumb}: $* " in
    dumb:* | *' --json '*) ;;
    *) [ ! -t 1 ] || { exec 3>&1 && TSUGI_TERMINAL=$(tty <&3) && exec 3>&-; } ;;
  esac
  export TSUGI_TERMINAL
  if [ -n "$TSUGI_TERMINAL" ]; then
    trap 'printf "\033[?25h\033[?1049l"' EXIT
    printf '\033[?1049h\033[?25l'
  fi
  control exec "$@" &
  vm=$!
  trap 'kill -KILL "$vm" 2>/dev/null; exit 0' INT TERM HUP
  wait "$vm"
}

if watches "$@"; then
  code=0
  watch "$@" || code=$?
  exit "$code"
fi
# What ends in another program is looked at by the control program first: the call, what is there.
case ${1:-} in
  console | eval | logs | foreground)
    verb=$1
    [ "$verb" != console ] || { [ -t 0 ] && [ -t 1 ] && TSUGI_TERMINAL=1 || TSUGI_TERMINAL=0; export TSUGI_TERMINAL; }
    control '' "$@" || exit $?
    for word in "$@"; do case $word in -h | --help) exit 0 ;; esac; done
    shift
    case $verb in
      foreground) exec /bin/sh "$TSUGI_LIB/priv/keep.sh" foreground ;;
      eval) exec /bin/sh "$TSUGI_LIB/priv/eval.sh" "$vsn" "$@" ;;
      console) [ "$TSUGI_TERMINAL" = 1 ] || exit 0; exec /bin/sh "$TSUGI_LIB/priv/console.sh" "$vsn" ;;
      logs) exec /bin/sh "$TSUGI_LIB/priv/logs.sh" "$@" ;;
    esac ;;
  *) control exec "$@" ;;
esac
