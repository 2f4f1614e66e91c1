#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Fuzz every target (or those named) for a minute each, from its seeds.
#
# usage: tests/fuzz/run.sh [--seconds N] [TARGET…]
# What breaks is left in build/fuzz/found/; mend it, then make it a seed.
set -eu

cd "$(dirname "$0")/../.."
sh deploy/install-packages.sh build test
seconds=60
if [ "${1:-}" = --seconds ]; then
  seconds=$2
  shift 2
fi
[ -d build/fuzz ] || CC=clang-14 meson setup build/fuzz -Dfuzz=true -Dtests=enabled \
  -Db_sanitize=address,undefined -Db_lundef=false
ninja -C build/fuzz
mkdir -p build/fuzz/found

ran=0
bad=
for program in build/fuzz/tests/fuzz/*/fuzz_*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  name=${program##*/fuzz_}
  area=$(basename "$(dirname "$program")")
  if [ $# -gt 0 ]; then
    case " $* " in *" $name "*) ;; *) continue ;; esac
  fi
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  echo "== $area/$name"
  ran=$((ran + 1))
  "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=0 \
    -artifact_prefix="build/fuzz/found/$name-" "$corpus" "tests/fuzz/$area/seeds/$name" \
    > "build/fuzz/$name.log" 2>&1 || bad="$bad $name"
  tail -n 2 "build/fuzz/$name.log"
done
echo
if [ "$ran" = 0 ]; then
  echo "no target is named so" >&2
  exit 2
fi
if [ -n "$bad" ]; then
  echo "broken:$bad (see build/fuzz/NAME.log and build/fuzz/found/)" >&2
  exit 1
fi
echo "$ran targets, none broken"
