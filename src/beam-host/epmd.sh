#!/bin/sh
# epmd.sh <root>: epmd does not outlive the last node that needs it. Ends the epmd that this very root
# has brought and that runs as the same user, by a binary of the root; epmd itself refuses while a
# node is registered. What /proc says of other processes is compared, and never run.
#
# A node registers some hundred milliseconds after it has looked whether there is an epmd: who ends it in
# between ends the boot too, of whichever application it is. So a node that boots keeps it, and for one
# that came up meanwhile there is a new one.
#
# One `ls` for all processes: a program for each of them takes longer than all the rest of a stop.
root=$1
me=$(id -u)

# The programs that this user runs: "<pid> <path>" a line.
programs() {
  LC_ALL=C ls -ln /proc/[0-9]*/exe 2>/dev/null | while read -r _ _ user _ _ _ _ _ link _ path; do
    [ "$user" != "$me" ] || { link=${link#/proc/}; echo "${link%/exe} $path"; }
  done
}

words_of() { tr '\0' '\n' < "/proc/$1/$2" 2>/dev/null; }
port_of() { words_of "$1" environ | sed -n 's/^ERL_EPMD_PORT=//p'; }

# A virtual machine with a name, or what becomes one, that asks at the same port.
is_node() {
  case $2 in
    */bin/beam.smp) words_of "$1" cmdline | grep -qxE -e '-s?name' ;;
    */bin/erlexec) ! words_of "$1" cmdline | grep -qx -e '-start_epmd' ;;
    *) false ;;
  esac && [ "$(port_of "$1")" = "${ERL_EPMD_PORT:-}" ]
}

a_node_is_there() {
  programs | while read -r pid path; do
    if is_node "$pid" "$path"; then echo yes; break; fi
  done | grep -q yes
}

is_ours() {
  below=${1#"$root"/erts-}
  case $below in
    "$1" | */*/*/*) return 1 ;;
    */bin/epmd | */bin/epmd' (deleted)') ;;
    *) return 1 ;;
  esac
}

programs | while read -r _ path; do
  is_ours "$path" || continue
  ! a_node_is_there || break
  for epmd in "$root"/erts-*/bin/epmd; do
    "$epmd" -kill >/dev/null 2>&1 || continue
    ! a_node_is_there || "$epmd" -daemon
    break
  done
  break
done
exit 0
