# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hundred mails, read by us and by Python's email package.

Whatever identifier Python shows, we find; what was planted, we find; nothing
else. A file on disk and the same mail on the wire have the same findings.
"""

import collections
import email
import email.policy
import hashlib
import hmac
import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile

import sluss

sys.path.insert(0, os.path.join(sluss.ROOT, "tests", "support"))
sys.path.insert(0, os.path.join(sluss.ROOT, "tests", "corpora"))
import make_mail  # noqa: E402
import wire  # noqa: E402

POLICY = """schema: 1
name: korpus
classes: [K0, K1, K2, K3]
domains:
  vard: {control: inside, networks: [10.10.0.0/16]}
  leverantor: {control: partner, networks: [192.0.2.0/24], mail: [leverantor.example]}
packs: [se-personal, se-health, labels, nordic, payment]
information:
  - {id: persons, class: K3, when: {personnummer: 1, unique: true}}
egress:
  - {from: vard, to: leverantor, channel: any, ceiling: K0, over: refuse}
default: {ceiling: K0, over: alert, opaque: alert}
"""


# ---- Python's reading ----

class Html(html.parser.HTMLParser):
    """The text of a page; cells and paragraphs are apart, inline marks are not."""

    APART = {"p", "td", "th", "tr", "div", "br", "li", "table", "title"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.out = []

    def handle_starttag(self, tag, attrs):
        if tag in self.APART:
            self.out.append(" ")
        self.extra = [v for _, v in attrs if v]

    def handle_data(self, data):
        self.out.append(data)


def page_text(page):
    parser = Html()
    parser.feed(page)
    parser.close()
    return "".join(parser.out)


def decoded(part):
    data = part.get_payload(decode=True)
    if data is None:
        return ""
    charset = part.get_content_charset() or "utf-8"
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("latin-1")


def texts(data):
    """Everything that Python's email package shows of a mail."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    for part in message.walk():
        for name in part.keys():
            try:
                yield f"{name}: {part[name]}"
            except Exception:  # noqa: BLE001 - its parser of odd fields gives up on some
                continue
        try:
            yield part.get_filename() or ""
        except Exception:  # noqa: BLE001
            pass
        yield part.preamble or ""
        yield part.epilogue or ""
        if part.is_multipart():
            continue
        text = decoded(part)
        yield text
        if part.get_content_type() == "text/html":
            yield page_text(text)


NUMBER = re.compile(r"(?<![\w+.-])(?:\d{8}|\d{6})-?\d{4}(?![\w-])")


def shown(data, planted):
    """The planted identifiers that a reader of the mail sees."""
    tens = {n[2:]: n for n in planted}
    seen = set()
    for text in texts(data):
        for hit in NUMBER.findall(text.replace("_", " ")):
            digits = hit.replace("-", "")
            if digits[-10:] in tens and digits in (tens[digits[-10:]], digits[-10:]):
                seen.add(tens[digits[-10:]])
    return seen


# ---- ours ----

def pseudonym(number):
    """By the specification: HMAC-SHA-256 of detector, NUL, twelve digits; 16 bytes."""
    return hmac.new(bytes.fromhex(sluss.KEY), b"personnummer\0" + number.encode(),
                    hashlib.sha256).hexdigest()[:32]


def is_hetu_too(number):
    """Read YYMMDD-NNNC as DDMMYY-NNNC: one in some thirty is a Finnish identity too."""
    ten = number[2:]
    day, month = int(ten[:2]), int(ten[2:4])
    return 1 <= day <= 31 and 1 <= month <= 12 and \
        "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(ten[:9]) % 31] == ten[9]


class Reading:
    """What Sluss says of one mail, from one event or several."""

    def __init__(self, records):
        self.findings = collections.Counter()
        self.detectors = collections.Counter()
        self.marks = set()
        for r in records:
            for f in r["sluss"]["findings"]:
                self.findings[(f["detector"], f["pseudonym"], f["confidence"], f["mask"])] += 1
            for d in r["sluss"]["detectors"]:
                for level in ("low", "medium", "high", "distinct", "distinct_low"):
                    self.detectors[(d["id"], level)] += d[level]
            self.marks |= set(r["sluss"].get("marks", []))
        self.total = sum(r["sluss"]["findings_total"] for r in records)
        self.persons = {f[1] for f in self.findings if f[0] == "personnummer" and f[2] != "low"}

    def least_medium(self):
        return sorted(f for f in self.findings if f[2] != "low")


def scan(folder, policy):
    """What `slussctl scan` says of each mail; it sorts them by name, as they are."""
    key = os.path.join(folder, "pseudonym.key")
    p = subprocess.run([sluss.SLUSSCTL, "scan", "--json", "--key", key, "--policy", policy,
                        os.path.join(folder, "mail")], capture_output=True, text=True, timeout=120,
                       check=False)
    if p.returncode != 1:
        raise AssertionError(f"scan: status {p.returncode}\n{p.stderr}")
    return [json.loads(line) for line in p.stdout.splitlines()]


def watch(folder, policy, mails, workers):
    """For each mail what `sluss watch` says of it on the wire."""
    path = os.path.join(folder, "mails.pcap")
    with wire.Capture(path, step=0.00002) as cap:
        for i, (_, data, _) in enumerate(mails):
            cut = wire.Cut((200, 1460), 3, 0.02, i)
            wire.smtp(cap, "10.10.0.5", 20_000 + i, "192.0.2.9", "a@vard.example",
                      ["b@leverantor.example"], data, mss=cut)
    w = sluss.Watch("--workers", workers, "--pcap", path, policy=policy, folder=folder)
    w.need(w.status == 0, "watch")
    by_port = collections.defaultdict(list)
    for e in w.events:
        if e["event"]["dataset"] == "sluss.verdict":
            by_port[e["source"]["port"]].append(e)
    return [by_port[20_000 + i] for i in range(len(mails))]


SESSION = 40  # mails on one connection


def transfer(tcp, i, data):
    """One mail: by DATA, or by BDAT in chunks (RFC 3030), its commands pipelined or not."""
    head = [b"MAIL FROM:<a@vard.example>\r\n", b"RCPT TO:<b@leverantor.example>\r\n"]
    if i % 3 == 0:
        for line in head:
            tcp.client(line)
            tcp.server(b"250 Ok\r\n")
        tcp.client(b"DATA\r\n")
        tcp.server(b"354 Go on\r\n")
        stuffed = (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:]
        tcp.client(stuffed + b"\r\n.\r\n")
        tcp.server(b"250 Ok\r\n")
        return
    sizes = [len(data)] if i % 3 == 1 else [7, 100, 3000]
    chunks, at = [], 0
    while at < len(data):
        size = min(sizes[len(chunks) % len(sizes)], len(data) - at)
        last = b" LAST" if at + size == len(data) else b""
        chunks.append(b"BDAT %d%s\r\n%s" % (size, last, data[at:at + size]))
        at += size
    tcp.client(b"".join(head + chunks))
    tcp.server(b"250 Ok\r\n" * (2 + len(chunks)))


def sessions(folder, policy, mails, workers):
    """All mails again, many on a connection; the events of each mail in order."""
    path = os.path.join(folder, "sessions.pcap")
    with wire.Capture(path, step=0.00002) as cap:
        for first in range(0, len(mails), SESSION):
            tcp = wire.Tcp(cap, "10.10.0.5", 30_000 + first, "192.0.2.9", 2525,
                           wire.Cut((300, 1460), 4, 0.05, first))
            tcp.open()
            tcp.server(b"220 mx.example ESMTP\r\n")
            tcp.client(b"EHLO client.example\r\n")
            tcp.server(b"250-mx.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME\r\n")
            for i, (_, data, _) in enumerate(mails[first:first + SESSION]):
                transfer(tcp, i, data)
            tcp.client(b"QUIT\r\n")
            tcp.server(b"221 Bye\r\n")
            tcp.close()
    w = sluss.Watch("--workers", workers, "--pcap", path, policy=policy, folder=folder)
    w.need(w.status == 0, "watch")
    found = []
    for first in range(0, len(mails), SESSION):
        # What is no mail (the session itself) names no sender.
        events = [e for e in w.events if e["source"]["port"] == 30_000 + first
                  and "email" in e and "from" in e["email"]]
        events.sort(key=lambda e: e["event"]["sequence"])
        want = len(mails[first:first + SESSION])
        w.need(len(events) == want, f"session {first}: {len(events)} mails where {want} were sent")
        found += events
    return found


def check_sessions(folder, policy, mails, on_disk):
    wrong = []
    for (name, _, _), record, event in zip(mails, on_disk,
                                           sessions(folder, policy, mails, "1")):
        a, b = Reading([record]), Reading([event])
        if (a.findings, a.detectors, a.total) != (b.findings, b.detectors, b.total):
            wrong.append((name, a.total, b.total))
    assert not wrong, f"in a session they read otherwise than on disk: {wrong}"


def places(about, numbers):
    return ", ".join(sorted(p["place"] + " " + p["number"][:4] for p in about["planted"]
                            if p["number"] in numbers))


def check_mail(data, about, on_disk, on_wire):
    planted = {p["number"] for p in about["planted"]}
    python = shown(data, planted)
    disk, wired = Reading([on_disk]), Reading(on_wire)
    found = {n for n in planted if pseudonym(n) in disk.persons}
    assert on_disk["sluss"]["inspector"] == "mail", f"read as {on_disk['sluss']['inspector']}"
    assert not python - found, f"Python shows, we don't: {places(about, python - found)}"
    assert not planted - found, f"planted, not found: {places(about, planted - found)}"
    other = disk.persons - {pseudonym(n) for n in planted}
    assert not other, f"{len(other)} found that nobody planted: {disk.least_medium()}"
    odd = [f for f in disk.least_medium() if f[0] != "personnummer" and not (
        f[0] == "hetu_fi" and any(is_hetu_too(n) for n in planted))]
    assert not odd, f"false positives: {odd}"
    assert not disk.marks, f"marks: {disk.marks}"
    assert disk.findings == wired.findings, \
        f"file and wire differ: {disk.findings - wired.findings}, {wired.findings - disk.findings}"
    assert disk.detectors == wired.detectors, f"counts: {disk.detectors} {wired.detectors}"
    assert disk.total == wired.total, f"{disk.total} in the file, {wired.total} on the wire"
    distinct = disk.detectors[("personnummer", "distinct")]
    assert distinct == len(planted), f"{distinct} different ones, {len(planted)} planted"


def check_enough(mails, on_disk):
    assert len(mails) >= 400, f"only {len(mails)} mails"
    assert len(mails) == len(on_disk), f"{len(on_disk)} records"


def check_reader(mails):
    """The reader is worth something: it shows nearly all that was planted."""
    planted = seen = 0
    for _, data, about in mails:
        numbers = {p["number"] for p in about["planted"]}
        planted += len(numbers)
        seen += len(shown(data, numbers))
    print(f"planted {planted}, Python shows {seen}")
    assert seen > 0.75 * planted


def check_clean(mails, on_disk):
    wrong = [(name, Reading([record]).least_medium())
             for (name, _, about), record in zip(mails, on_disk)
             if about["family"].startswith("clean") and Reading([record]).least_medium()]
    assert not wrong, f"clean mails with findings: {wrong}"


def main():
    cases = sluss.Cases("mail corpus")
    mails = make_mail.make()
    with tempfile.TemporaryDirectory() as folder:
        policy = os.path.join(folder, "korpus.yaml")
        with open(policy, "w") as f:
            f.write(POLICY)
        os.mkdir(os.path.join(folder, "mail"))
        for name, data, _ in mails:
            with open(os.path.join(folder, "mail", name + ".eml"), "wb") as f:
                f.write(data)
        on_wire = watch(folder, policy, mails, "2")
        on_disk = scan(folder, policy)
        cases.run("enough mails", check_enough, mails, on_disk)
        cases.run("the reader", check_reader, mails)
        cases.run("clean mails", check_clean, mails, on_disk)
        cases.run("sessions, DATA and BDAT", check_sessions, folder, policy, mails, on_disk)
        for (name, data, about), record, events in zip(mails, on_disk, on_wire):
            cases.run(name, check_mail, data, about, record, events)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
