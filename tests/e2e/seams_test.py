# SPDX-License-Identifier: GPL-3.0-or-later
"""No identifier is lost on a border: of segments, of buffers, of encodings.

20,000 different identifiers go in one mail attachment, one PUT and one FTP
upload, cut, shuffled and repeated in many ways. Each time the event counts
exactly 20,000 of them, on one worker and on two, and past limits.distinct_exact
it says `at least`.
"""

import base64
import gzip
import itertools
import os
import quopri
import sys
import tempfile
import zlib

import sluss

sys.path.insert(0, os.path.join(sluss.ROOT, "tests", "support"))
import identifiers  # noqa: E402
import wire  # noqa: E402

MANY, FEW = 20_000, 300  # FEW where each byte is a packet of its own
CLIENT, SERVER = "10.10.0.5", "192.0.2.9"

POLICY = """schema: 1
name: seams
classes: [K0, K1, K2, K3]
domains:
  vard: {control: inside, networks: [10.10.0.0/16]}
  leverantor: {control: partner, networks: [192.0.2.0/24], mail: [leverantor.example]}
packs: [se-personal]
information:
  - {id: persons, class: K3, when: {personnummer: 1, unique: true}}
  - {id: mentions, class: K3, when: {personnummer: 1}}
egress:
  - {from: vard, to: leverantor, channel: any, ceiling: K0, over: refuse}
default: {ceiling: K0, over: alert, opaque: alert}
"""


def table(n):
    """A CSV list of n persons, as written by a program that exports one."""
    names = itertools.cycle(["Alm", "Björk", "Ceder", "Dahl", "Ek, kontroll i höst"])
    rows = ["personnummer;namn;besök"]
    for number, name in zip(itertools.islice(identifiers.test_personnummer(), n), names):
        rows.append(f"{identifiers.hyphenated(number)};{name};2026-03-0{len(name) % 9 + 1}")
    return ("\r\n".join(rows) + "\r\n").encode()


def attachment(data, encoding, head=""):
    """A mail with one attachment. `encoding` gives the transfer encoding's name."""
    if encoding == "base64":
        body = base64.encodebytes(data).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        body = quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    else:
        body = data
    return (f"From: a@vard.example\r\nTo: b@leverantor.example\r\nSubject: lista\r\n"
            f"Message-ID: <s@vard.example>\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: multipart/mixed; boundary=gr\r\n\r\n--gr\r\n\r\nSe bilagan.\r\n"
            f"--gr\r\nContent-Type: text/csv; charset=utf-8\r\n{head}"
            f"Content-Transfer-Encoding: {encoding}\r\n"
            f"Content-Disposition: attachment; filename=lista.csv\r\n\r\n").encode() + \
        body + b"\r\n--gr--\r\n"


def chunked(data, sizes):
    """RFC 9112, section 7.1."""
    out, at = [], 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            break
        piece = data[at:at + size]
        out.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        at += size
    return b"".join(out) + b"0\r\n\r\n"


def put_chunked(cap, port, body, cut, extra):
    tcp = wire.Tcp(cap, CLIENT, port, SERVER, 80, cut)
    tcp.open()
    tcp.client(b"PUT /lista.csv HTTP/1.1\r\nHost: leverantor.example\r\nContent-Type: text/csv\r\n"
               b"Transfer-Encoding: chunked\r\n" + extra + b"\r\n" + body)
    tcp.server(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    tcp.close()


class Uploads:
    """Conversations into one capture, with what each must count."""

    def __init__(self, cap):
        self.cap, self.port, self.truth = cap, 20_000, {}

    def next(self, name, count):
        self.port += 10
        self.truth[self.port] = (name, count)
        return self.port

    def mail(self, name, data, count, cut, encoding="base64", head=""):
        wire.smtp(self.cap, CLIENT, self.next(f"mail {encoding} {name}", count), SERVER,
                  "a@vard.example", ["b@leverantor.example"], attachment(data, encoding, head),
                  mss=cut)

    def put(self, name, data, count, cut, kind="text/csv", extra=""):
        wire.http_put(self.cap, CLIENT, self.next(f"put {name}", count), SERVER,
                      "leverantor.example", "/lista.csv", data, kind, extra=extra, mss=cut)

    def put_chunks(self, name, data, count, cut, sizes, extra=b""):
        put_chunked(self.cap, self.next(f"put chunked {name}", count), chunked(data, sizes), cut,
                    extra)

    def stor(self, name, data, count, cut):
        port = self.next(f"stor {name}", count)
        del self.truth[port]
        self.truth[port + 1] = (f"stor {name}", count)  # the data connection
        wire.ftp_stor(self.cap, CLIENT, port, SERVER, "lista.csv", data,
                      data_port=30_000 + port % 10_000, mss=cut)


CUTS = [  # name, lengths, window, share of repeated segments
    ("mss 1460", 1460, 1, 0.0),
    ("mss 536", 536, 1, 0.0),
    ("random", (1, 1460), 1, 0.0),
    ("shuffled", 1460, 8, 0.0),
    ("shuffled and repeated", (200, 1460), 8, 0.2),
]


def make(path):
    data, few = table(MANY), table(FEW)
    packed = gzip.compress(data, mtime=0)
    deflated = zlib.compress(data)
    with wire.Capture(path, step=0.00001) as cap:
        u = Uploads(cap)
        for i, (name, sizes, window, share) in enumerate(CUTS):
            def cut(seed, sizes=sizes, window=window, share=share):
                return wire.Cut(sizes, window, share, seed)
            u.mail(name, data, MANY, cut(100 + i))
            u.put(name, data, MANY, cut(200 + i))
            u.stor(name, data, MANY, cut(300 + i))
        ragged = wire.Cut((1, 1460), 4, 0.1, 7)
        u.mail("ragged", data, MANY, ragged, "quoted-printable")
        u.mail("ragged", data, MANY, ragged, "8bit")
        u.put_chunks("ragged", data, MANY, ragged, [1, 7, 4096, 333, 65_536, 16, 1000])
        u.put_chunks("gzip", packed, MANY, ragged, [11, 500, 8192], b"Content-Encoding: gzip\r\n")
        u.put("gzip", packed, MANY, ragged, extra="Content-Encoding: gzip\r\n")
        u.put("deflate", deflated, MANY, ragged, extra="Content-Encoding: deflate\r\n")
        u.put("a gzip file", packed, MANY, ragged, kind="application/gzip")
        u.mail("a gzip file", packed, MANY, ragged)
        u.stor("a gzip file", packed, MANY, ragged)
        for name, cut in (("bytes", wire.Cut(1)), ("bytes shuffled", wire.Cut(1, 8, 0.1, 3))):
            u.mail(name, few, FEW, cut)
            u.mail(name, few, FEW, cut, "quoted-printable")
            u.put(name, few, FEW, cut)
            u.put_chunks(name, few, FEW, cut, [1, 2, 3])
            u.stor(name, few, FEW, cut)
        return u.truth


def check(w, port, name, count):
    """Exactly so many different ones, each seen once, in one event."""
    events = [e for e in w.events
              if e["source"]["port"] == port and sluss.count_of(e, "persons") > 0]
    w.need(len(events) == 1, f"{name}: {len(events)} events with persons")
    e = events[0]
    got = sluss.count_of(e, "persons"), sluss.count_of(e, "mentions")
    w.need(got == (count, count), f"{name}: {got} where {count} was right")
    at_least = [i for i in e["sluss"]["information"] if i.get("at_least")]
    w.need(not at_least, f"{name}: exact, but says `at least`")
    w.need("evasion" not in e["sluss"].get("flags", []), f"{name}: repeated segments as evasion")
    w.need("gap" not in e["sluss"].get("flags", []), f"{name}: a gap")


SITE = """policy: seams.yaml
key: pseudonym.key
limits: {distinct_exact: 1000}
"""


def check_at_least(folder, policy):
    """Past the exact limit: a count that is a lower bound, and says so."""
    data, path = table(MANY), os.path.join(folder, "over.pcap")
    site = os.path.join(folder, "site.yaml")
    with open(site, "w") as f:
        f.write(SITE)
    with wire.Capture(path) as cap:
        u = Uploads(cap)
        u.put("over", data, MANY, 1460)
        u.mail("over", data, MANY, 1460)
        u.put("under", table(1000), 1000, 1460)
    w = sluss.Watch("--config", site, "--pcap", path, policy=policy, folder=folder)
    w.need(w.status == 0, "status")
    for port, (name, count) in u.truth.items():
        (e,) = [e for e in w.events
                if e["source"]["port"] == port and sluss.count_of(e, "persons") > 0]
        persons = [i for i in e["sluss"]["information"] if i["id"] == "persons"]
        w.need(len(persons) == 1, f"{name}: no persons")
        over = count > 1000
        w.need(persons[0].get("at_least", False) == over, f"{name}: at_least is wrong")
        w.need(("distinct-over" in e["sluss"].get("flags", [])) == over, f"{name}: flag")
        w.need(1000 <= persons[0]["count"] <= count, f"{name}: counts {persons[0]['count']}")
        w.need(e["sluss"]["verdict"] == "refuse", f"{name}: verdict")
        w.need(sluss.count_of(e, "mentions") == count, f"{name}: mentions are counted on")


def main():
    cases = sluss.Cases("seams")
    with tempfile.TemporaryDirectory() as folder:
        policy, path = os.path.join(folder, "seams.yaml"), os.path.join(folder, "seams.pcap")
        with open(policy, "w") as f:
            f.write(POLICY)
        truth = make(path)
        for workers in ("1", "2"):
            w = sluss.Watch("--workers", workers, "--pcap", path, policy=policy, folder=folder)
            cases.run(f"runs with {workers}", lambda w=w: w.need(w.status == 0, "status"))
            for port, (name, count) in truth.items():
                cases.run(f"{name}, workers {workers}", check, w, port, name, count)
        cases.run("at least", check_at_least, folder, policy)
    return cases.end()


sys.exit(main())
