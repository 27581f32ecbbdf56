# With a PATH that has none of the system's commands, root would not be known for root below.
command -v id >/dev/null 2>&1 || export PATH="${PATH:+$PATH:}/usr/sbin:/usr/bin:/sbin:/bin"
