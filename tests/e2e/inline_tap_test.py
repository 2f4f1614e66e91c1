# SPDX-License-Identifier: GPL-3.0-or-later
"""Tap equals inline: a shadow pair's traffic is recorded at the client while the
gateway passes it on; `sluss watch` on the recording tells the same events, but
for the mode, and for ids and times, which come from the clock of who saw the packets.
"""

import json
import random
import sys
import tempfile

import inline
import netlab
import uploads
from inline import need

VOLATILE = ("id", "sequence", "created", "ingested", "start", "end", "duration", "action", "type")


def told(event):
    """An event without what the mode, the clock and the run decide."""
    e = json.loads(json.dumps(event))
    e.pop("@timestamp", None)
    for key in VOLATILE:
        e["event"].pop(key, None)
    e.get("observer", {}).pop("name", None)
    # Of the flow so far: packets of the two directions cross between the recorder and the
    # gateway, so what had gone by before the message ended depends on where one stands.
    for key in ("packets", "bytes"):
        e.get("network", {}).pop(key, None)
    e["sluss"].pop("mode", None)
    return json.dumps(e, sort_keys=True)


def traffic(t):
    """Uploads and downloads of each protocol, with and without a list, by real clients."""
    lab, rng = t.lab, random.Random(11)

    def curl(*args):
        lab.client("curl", "-sS", "--fail", "--max-time", "30", "-o", "/dev/null", *args)

    web, ftp = f"http://{netlab.SHADOWED}", f"ftp://{netlab.SHADOWED}"
    for n in (0, 1, 2, 3, 4, 9):
        data = b"bara ord\r\n" * rng.randrange(400) + t.persons.table(n)
        path = lab.file(f"tap{n}.csv", data)
        curl("-T", path, f"{web}/upload/tap{n}.csv")
        curl("-T", path, "-H", "Transfer-Encoding: chunked", f"{web}/upload/tapc{n}.csv")
        curl("-F", f"fil=@{path};type=text/csv", f"{web}/form")
        curl("-T", path, f"{ftp}/in/tap{n}.csv")
        lab.file(f"www/page/tap{n}.txt", data)
        curl("--compressed", f"{web}/page/tap{n}.txt")
        lab.file(f"ftp/tap{n}.txt", data)
        curl(f"{ftp}/tap{n}.txt")
        lab.client("swaks", "--server", netlab.SHADOWED, "--helo", "vard.example", "--from",
                   "anna@vard.example", "--to", "support@leverantor.example", "--attach-type",
                   "text/csv", "--attach", "@" + path)


def check_tap(t, watch):
    there = [e for e in watch.events if netlab.SHADOWED in (e.get("source", {}).get("ip"),
                                                            e.get("destination", {}).get("ip"))]
    here = [e for e in t.events() if netlab.SHADOWED in (e.get("source", {}).get("ip"),
                                                         e.get("destination", {}).get("ip"))]
    need(len(there) > 40, f"a watcher tells {len(there)} events only")
    need({e["sluss"]["mode"] for e in here} == {"shadow"}, "modes inline")
    need({e["sluss"]["mode"] for e in there} == {"monitor"}, "modes of the watcher")
    need({e["event"]["action"] for e in here} == {"forward"}, "a shadow acts")
    a, b = sorted(map(told, here)), sorted(map(told, there))
    only_here, only_there = [x for x in a if x not in b], [x for x in b if x not in a]
    need(a == b, f"{len(a)} events inline, {len(b)} of the watcher\nonly inline:\n" +
         "\n".join(only_here[:3]) + "\nonly the watcher:\n" + "\n".join(only_there[:3]))


def main():
    with inline.inline("inline-tap") as t, tempfile.TemporaryDirectory() as folder:
        uploads.start_servers(t.lab, address="0.0.0.0")
        t.start()
        path, recorder = t.lab.record()
        t.clean("traffic", traffic)
        netlab.wait_for(lambda: netlab.settled(path), "recording")
        netlab.stop(recorder)
        watch = inline.sluss.Watch("--pcap", path, policy=t.policy, folder=folder)
        t.cases.run("the watcher runs", lambda: watch.need(watch.status == 0, "status"))
        t.cases.run("stops", t.stop)
        if not inline.BRIDGE:
            t.cases.run("tap equals inline", check_tap, t, watch)
        t.cases.run("no identifier in clear", t.check_canary)
        return t.cases.end()


if __name__ == "__main__":
    sys.exit(main())
