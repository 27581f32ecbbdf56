#!/bin/sh
# Stands for `bin/<app> upgrade <named>` of a host that follows: tells the process that plays it, and ends as
# that says (followers.ts).
root=${0%/bin/*}
exec 3<>"$root/run/verdict"
echo "$root $2" >"$root/run/calls"
read -r code <&3
exit "$code"
