#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# From a fresh Debian 12 to the first alert: install what is missing, build,
# make a capture of a border's traffic (test identifiers only), watch it with
# the example policy, and show what came out.
#
# usage: deploy/quickstart.sh [CAPTURE…]     your own captures instead of the made one
set -eu

cd "$(dirname "$0")/.."
sh deploy/install-packages.sh build

mkdir -p build
[ -d build/release ] || meson setup build/release --buildtype=release > build/setup.log 2>&1 || {
  cat build/setup.log >&2
  exit 1
}
ninja -C build/release > build/ninja.log 2>&1 || {
  tail -n 40 build/ninja.log >&2
  exit 1
}

if [ $# = 0 ]; then
  python3 tests/corpora/make_demo.py build/demo.pcap
  set -- build/demo.pcap
fi
events=build/demo-events.jsonl
rm -f "$events"

echo
echo "\$ sluss watch --policy policy/examples/default.yaml --pcap $* --events $events"
build/release/dataplane/sluss watch --policy policy/examples/default.yaml --pcap "$@" \
  --events "$events"

echo
echo "The alerts ($events), a line each; the first one whole:"
python3 - "$events" <<'PY'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
for e in events:
    s = e["sluss"]
    what = ", ".join(f"{i['id']} x{i['count']}" for i in s.get("information", [])) or \
        ", ".join(sorted({o["reason"] for o in s.get("opaque", [])}))
    print(f"  {s.get('from')} -> {','.join(s.get('to', []))} {s['channel']}: would {s['verdict']}"
          f" (class {s.get('class')}, ceiling {s.get('ceiling')}): {what}")
if events:
    print(json.dumps(events[0], indent=2, ensure_ascii=False))
PY
