#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# From a fresh Debian 12 to the first alert and the first refusal: install what is
# missing, build, make a capture of a border's traffic (test identifiers only), watch
# it with the example policy, and show what came out. Then stand between two network
# namespaces, and show what is refused, and how.
#
# usage: deploy/quickstart.sh [CAPTURE…]     your own captures instead of the made one,
#                                            and nothing inline
set -eu

cd "$(dirname "$0")/.."
sh deploy/install-packages.sh build

echo "building in build/release; the first time that takes a minute or two"
mkdir -p build
[ -d build/release ] || meson setup build/release --buildtype=release \
  -Ddataplane=enabled -Dtests=disabled > build/setup.log 2>&1 || {
  cat build/setup.log >&2
  exit 1
}
ninja -C build/release dataplane/sluss ctl/slussctl > build/ninja.log 2>&1 || {
  tail -n 40 build/ninja.log >&2
  exit 1
}

inline=
if [ $# = 0 ]; then
  inline=yes
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
echo "The alerts in $events, a line each; then the first one, field by field:"
python3 - "$events" <<'PY'
import json, sys

def fields(value, name=""):
    """Dotted names; lists as they are."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from fields(inner, f"{name}.{key}" if name else key)
    else:
        yield name, value

events = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
for e in events:
    s = e["sluss"]
    print("  " + e["event"].get("reason", s["verdict"]))
print()
for name, value in fields(events[0]) if events else ():
    if name == "sluss.findings":
        for f in value[:3]:
            print(f"  {name}[]: {json.dumps(f, ensure_ascii=False)}")
        if len(value) > 3:
            print(f"  {name}[]: … and {len(value) - 3} more")
    else:
        print(f"  {name}: {json.dumps(value, ensure_ascii=False)}")
PY

if [ -n "$inline" ]; then
  rm -rf build/inline-demo
  mkdir build/inline-demo
  python3 deploy/inline_demo.py build/release/dataplane/sluss build/inline-demo
fi

echo
echo "Next: build/release/ctl/slussctl scan PATH… looks through files; README.md says more."
