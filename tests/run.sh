#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Install, build and pass all the tests: a plain build with every suite; the
# unit tests of what needs no DPDK in a build without it; then unit tests and
# fuzz seeds once more under AddressSanitizer and UBSan.
# Needs root for packages, network namespaces and hugepages.
#
# usage: tests/run.sh [--fast]     --fast: the plain build only
set -eu

cd "$(dirname "$0")/.."
sh deploy/install-packages.sh build test

if [ "$(id -u)" != 0 ]; then
  echo "tests/run.sh: run it as root: the end-to-end tests make network namespaces" >&2
  exit 2
fi

passed=0
failed=0

# run DIR SUITES… : meson's own closing lines, then add up
run() {
  dir=$1
  shift
  # Only this run's log may be counted: without one, the counting below stops the script.
  rm -f "$dir/meson-logs/testlog.json"
  # A busy machine, or a sanitizer, is no reason to fail: the timeouts are for hangs.
  meson test -C "$dir" --no-rebuild --print-errorlogs --timeout-multiplier 4 "$@" || true
  # A test program that was killed, or never ran, is in the log too: nothing is skipped in silence.
  counts=$(python3 - "$dir/meson-logs/testlog.json" <<'PY'
import json, sys
ok = bad = 0
for line in open(sys.argv[1], encoding="utf-8"):
    if json.loads(line)["result"] in ("OK", "EXPECTEDFAIL"):
        ok += 1
    else:
        bad += 1
if ok + bad == 0:
    sys.exit("no test ran")
print(ok, bad)
PY
)
  passed=$((passed + ${counts% *}))
  failed=$((failed + ${counts#* }))
}

[ -d build/test ] || meson setup build/test -Dwerror=true -Dtests=enabled -Ddataplane=enabled
ninja -C build/test
run build/test

if [ "${1:-}" != --fast ]; then
  [ -d build/without-dpdk ] || meson setup build/without-dpdk -Dwerror=true -Dtests=enabled \
    -Ddataplane=disabled --buildtype=plain
  ninja -C build/without-dpdk
  run build/without-dpdk --suite unit

  [ -d build/sanitize ] || meson setup build/sanitize -Dwerror=true -Dtests=enabled -Ddataplane=enabled \
    -Db_sanitize=address,undefined -Db_lundef=false
  ninja -C build/sanitize
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  run build/sanitize --suite unit --suite seeds
fi

echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
