#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Build for speed, make traffic by a fixed seed, run all the benchmarks, and
# print what they measure. perf/README.md says what the numbers mean.
#
# usage: perf/run.sh [--megabytes N] [--rounds N] [--flows N] [--huge]
#   --megabytes  of uploads in each made capture (48)
#   --rounds     of watch_bench (9)
#   --flows      in the largest flow table (1000000)
#   --huge       flow_bench once more, with hugepages (needs root)
# Without root, inline_bench.py is left out.
set -eu

cd "$(dirname "$0")/.."
megabytes=48
rounds=9
flows=1000000
huge=
while [ $# -gt 0 ]; do
  case "$1" in
    --megabytes) megabytes=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --flows) flows=$2; shift 2 ;;
    --huge) huge=yes; shift ;;
    *) sed -n '3,13s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

dir=build/perf
[ -d $dir ] || meson setup $dir --buildtype=release -Ddataplane=enabled
meson configure $dir -Dtests=enabled
ninja -C $dir perf/watch_bench perf/flow_bench perf/preview_bench dataplane/sluss \
  tests/support/forwarder

# made OUT OPTIONS…: a capture, unless it is there
made() {
  out=$1
  shift
  [ -s "$out" ] || python3 perf/make_traffic.py "$out" --megabytes "$megabytes" "$@"
}
made "$dir/mixed-$megabytes.pcap"
made "$dir/plain-$megabytes.pcap" --plain
made "$dir/clean-$megabytes.pcap" --dirty 0

# bench TITLE OPTIONS…
bench() {
  echo
  echo "== $1"
  shift
  $dir/perf/watch_bench --rounds "$rounds" "$@"
}
example=policy/examples/default.yaml
uptime
bench "mixed traffic, $example" --policy $example "$dir/mixed-$megabytes.pcap"
bench "plain text, $example" --policy $example "$dir/plain-$megabytes.pcap"
bench "nothing to find, $example" --policy $example "$dir/clean-$megabytes.pcap"
bench "mixed traffic, all shipped packs" "$dir/mixed-$megabytes.pcap"

echo
echo "== previews of live messages"
$dir/perf/preview_bench $example

echo
echo "== through the gateway, beside a plain forwarder"
if [ "$(id -u)" = 0 ]; then
  SLUSS_BUILD=$PWD/$dir python3 perf/inline_bench.py
else
  echo "left out: it needs root"
fi

echo
echo "== flow table"
$dir/perf/flow_bench --flows "$flows"
if [ -n "$huge" ]; then
  $dir/perf/flow_bench --flows "$flows" --huge
fi
uptime
