# SPDX-License-Identifier: GPL-3.0-or-later
"""Real clients and servers: what was uploaded is what the events count.

The same recording gives the same events on one worker and on two; a live port
that saw the same packets gives the same messages.
"""

import os
import sys
import tempfile

import netlab
import sluss
import uploads

POLICY = """schema: 1
name: uploads
classes: [K0, K1, K2, K3]
domains:
  vard: {control: inside, networks: [10.10.0.0/16]}
  leverantor: {control: partner, networks: [192.0.2.0/24], mail: [leverantor.example]}
packs: [se-personal]
information:
  - {id: persons, class: K3, when: {personnummer: 1, unique: true}}
egress:
  - {from: vard, to: leverantor, channel: any, ceiling: K0, over: refuse}
  - {from: leverantor, to: vard, channel: any, ceiling: K0, over: refuse}
default: {ceiling: K0, over: alert, opaque: alert}
"""


def stable(event):
    """An event without what depends on the run and not on the traffic."""
    e = dict(event)
    e["event"] = {k: v for k, v in event["event"].items() if k != "sequence"}
    return sluss.json.dumps(e, sort_keys=True)


def check_upload(w, u):
    hits = [e for e in w.events if sluss.count_of(e, "persons") == u["persons"]]
    w.need(len(hits) == 1, f"{len(hits)} events count {u['persons']} persons ({u['name']})")
    e = hits[0]
    w.need(e["sluss"]["channel"] == u["channel"], f"{u['name']}: channel {e['sluss']['channel']}")
    w.need(e["sluss"]["verdict"] == "refuse", f"{u['name']}: verdict {e['sluss']['verdict']}")
    w.need(e["event"]["action"] == "forward", f"{u['name']}: a watcher acts")
    expected = "leverantor" if u.get("server") else "vard"
    w.need(e["sluss"]["from"] == expected, f"{u['name']}: from {e['sluss']['from']}")
    if u["channel"] == "mail":
        to = e["email"]["to"]["address"]
        w.need("refused@leverantor.example" not in to, f"{u['name']}: a refused recipient")
    elif u["name"] == "lista.txt":  # a page is named by its address
        w.need(e["url"]["path"] == "/page/lista.txt", f"{u['name']}: {e.get('url')}")
    elif u["name"] != "urlencoded.csv":
        w.need(e["file"]["name"] == u["name"], f"{u['name']}: named {e.get('file')}")


def check_no_identifier_in_clear(w, truth):
    everything = "\n".join(w.lines) + w.out + w.err
    for n in truth:
        for form in (n, n[:8] + "-" + n[8:], n[2:8] + "-" + n[8:], n[2:]):
            w.need(form not in everything, f"an identifier is in clear: {form[:4]}…")


def check_workers(capture, policy, folder, one):
    two = sluss.Watch("--workers", "2", "--pcap", capture, policy=policy, folder=folder)
    two.need(two.status == 0, "two workers")
    two.need(sorted(map(stable, one.events)) == sorted(map(stable, two.events)),
             "two workers give other events than one")


SITE = """observer: live
policy: {policy}
key: {key}
ports: ["af_packet:{port}"]
events: {{file: {events}, log: messages}}
limits: {{inspect_memory: 64 MiB, flows: 16384, packet_buffers: 8192,
  tcp_segments: 2048, fragment_datagrams: 256}}
"""


def start_live(lab, folder, policy):
    """Listen on the client's end of the wire, where both directions go by."""
    key = os.path.join(folder, "live.key")
    with open(key, "w") as f:
        f.write(sluss.KEY + "\n")
    os.chmod(key, 0o600)
    site = lab.file("site.yaml", SITE.format(policy=policy, key=key, port=lab.client_if,
                                             events=os.path.join(folder, "live.jsonl")))
    p = lab.start(lab.client_ns, sluss.SLUSS, "watch", "--config", site, log="live.log")
    netlab.wait_for(lambda: p.poll() is not None or
                    "listening" in read(lab.path("live.log")), "sluss on a port")
    return p


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def told(events):
    """What the alerts tell, without times and what depends on them."""
    return sorted((e["sluss"]["channel"], e["sluss"]["from"], e["sluss"]["verdict"],
                   sluss.count_of(e, "persons"), e.get("file", {}).get("name", ""),
                   e["sluss"]["bytes"]["inspected"])
                  for e in events if e["event"]["kind"] == "alert")


def check_live(lab, folder, p, w):
    status = netlab.stop(p, netlab.signal.SIGINT)
    log = read(lab.path("live.log"))
    w.need(status == 0, f"the listener ended with status {status}\n{log}")
    live = [sluss.json.loads(line) for line in read(os.path.join(folder, "live.jsonl")).splitlines()]
    w.need(told(live) == told(w.events), f"a live port tells otherwise\n{told(live)}\n"
           f"{told(w.events)}\n{log}")


def main():
    netlab.need_root()
    cases = sluss.Cases("uploads")
    with netlab.Hugepages(256), netlab.Lab() as lab, tempfile.TemporaryDirectory() as folder:
        policy = os.path.join(folder, "uploads.yaml")
        with open(policy, "w") as f:
            f.write(POLICY)
        uploads.start_servers(lab)
        live = start_live(lab, folder, policy)
        capture, recorder = lab.record()
        truth = uploads.send_all(lab)
        netlab.wait_for(lambda: netlab.settled(capture), "recording")
        netlab.stop(recorder)
        w = sluss.Watch("--pcap", capture, policy=policy, folder=folder)
        cases.run("runs", lambda: w.need(w.status == 0, "status"))
        for u in truth:
            cases.run(u["name"], check_upload, w, u)
        numbers = uploads.Truth().numbers
        used = [next(numbers) for _ in range(sum(u["persons"] for u in truth))]
        cases.run("no identifier in clear", check_no_identifier_in_clear, w, used)
        cases.run("two workers", check_workers, capture, policy, folder, w)
        cases.run("a live port", check_live, lab, folder, live, w)
    return cases.end()


sys.exit(main())
