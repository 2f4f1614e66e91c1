#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Install what is missing of the named sections of packages.list.
# usage: install-packages.sh SECTION…
set -eu

list=$(dirname "$0")/packages.list
missing=
for section in "$@"; do
  for name in $(awk -v want="[$section]" '/^\[/ { on = ($1 == want); next }
      on && NF && $1 !~ /^#/ { print $1 }' "$list"); do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] ||
      missing="$missing $name"
  done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "These Debian packages are missing:$missing" >&2
  echo "Run this as root, or install them: apt-get install$missing" >&2
  exit 2
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# No service of a test's server is to start by itself.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  made=$policy
fi
status=0
# shellcheck disable=SC2086 # a list of names
apt-get install -y -qq --no-install-recommends $missing > /dev/null || status=$?
[ -z "$made" ] || rm -f "$made"
[ "$status" = 0 ] || echo "apt-get could not install them (status $status)" >&2
exit "$status"
