# shellcheck shell=sh
# uid, gid and, where there is one, the name of whose folder it is.
# shellcheck disable=SC2012
ls -ldnL "$1" | { read -r _ _ user group _; echo "$user $group $(id -un "$user" 2>/dev/null)"; }
