#!/bin/sh
# epmd does not outlive the last node that needs it. Ends the epmd that a tsugi release has brought,
# and no other; epmd itself refuses while a node is registered.
#
# One `ls` for all processes: a program for each of them takes longer than all the rest of a stop.
LC_ALL=C ls -l /proc/[0-9]*/exe 2>/dev/null | sed -n 's/^.* -> //p' | while read -r exe; do
  case $exe in
    */erts-*/bin/epmd | */erts-*/bin/epmd' (deleted)') ;;
    *) continue ;;
  esac
  root=${exe%/erts-*}
  for tsugi in "$root"/lib/tsugi-*; do
    [ -d "$tsugi" ] || [ "$root" = "$1" ] || continue
    "${exe% (deleted)}" -kill >/dev/null 2>&1
    break
  done
done
exit 0
