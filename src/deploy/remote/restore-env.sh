# shellcheck shell=sh
# After a rollback the environment is that of before as well.
set -eu
env=$1 before=$2
[ ! -f "$before" ] || mv "$before" "$env"
