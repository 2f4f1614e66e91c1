#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public captures, each a case: what they must show is known.

The folder is SLUSS_CAPTURES, or ../shared/captures beside the repository; its README
says where each comes from, and what a gateway must do with it. Without the folder the
test says so and passes.

Every capture is read by one worker and by two, which must give the same events; it must
show no person (README: there is none), no credential that went by in it, and what its
table here says:

  MAIL, FILES, WEB, OTHER   the P captures: a marker, where it must be found, and a check
  http-evader               the marker from server to client, with status 0
  ndpi                      flows by nDPI application, as ndpiReader 4.2 counts them

    captures_test.py [NAME...]    only captures whose name holds one of these words
"""

import base64
import collections
import csv
import json
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "support")]

import capture  # noqa: E402
from sluss import ROOT, Cases, Watch, found  # noqa: E402

FOLDER = os.environ.get("SLUSS_CAPTURES") or os.path.join(ROOT, "..", "shared", "captures")
POLICY = os.path.join(HERE, "captures", "markers.yaml")
RECIPIENTS = os.path.join(HERE, "captures", "recipients.yaml")
os.environ["SLUSS_PACKS"] = os.path.join(ROOT, "policy", "packs")


# ---- a run, and what it says ----

class Run:
    """One capture, read by sluss: its events, and its summary as numbers."""

    def __init__(self, row, *args, policy=POLICY, workers=1, checksums=None):
        if checksums is None:
            checksums = "ignore" if int(row["frames with bad checksum"]) else "verify"
        with tempfile.TemporaryDirectory() as folder:
            self.watch = Watch("--pcap", path_of(row), "--checksums", checksums, "--workers",
                               str(workers), *args, policy=policy, folder=folder)
        w = self.watch
        w.need(w.status == 0, "it should end well: all bytes accounted for")
        self.events = w.events
        self.verdicts = [e for e in w.events if e["event"]["dataset"] == "sluss.verdict"]
        self.evasions = [e for e in w.events if e["event"]["dataset"] == "sluss.evasion"]
        self.numbers, self.applications = summary(w.out)

    def need(self, true, what):
        self.watch.need(true, what)

    def same(self, got, want, what):
        self.need(got == want, f"{what}: {got!r}, want {want!r}")

    def by(self, **fields):
        """Verdicts whose fields below `sluss` are these."""
        return [e for e in self.verdicts
                if all(e["sluss"].get(k) == v for k, v in fields.items())]

    def mails(self):
        return [e for e in self.verdicts if e["sluss"].get("command") in ("DATA", "BDAT")]

    def hits(self, marker, **fields):
        """(event, finding) of each place where a marker was found."""
        return [(e, f) for e in self.by(**fields) for f in found(e, marker)]

    def told(self, marker):
        """Events with a marker, each once: a file that may be HTML by its name is read twice."""
        return [e for e in self.events if found(e, marker)]

    def parts(self, marker, **fields):
        return {f["part"] for _, f in self.hits(marker, **fields)}

    def flags(self):
        return {f for e in self.events for f in e["sluss"].get("flags", [])}

    def opaque(self):
        """Bytes by reason, of the whole run."""
        return {k[8:]: v for k, v in self.numbers.items() if k.startswith("opaque: ")}


def summary(text):
    """The rows of a summary; and of its table of applications the flows."""
    numbers, applications, table = {}, {}, False
    for line in text.splitlines():
        cells = re.match(r" *(\S.*?) {2,}([\d,]+)(?: +([\d,]+) +([\d,]+))?(?:  |$)", line)
        if line.startswith("nDPI application"):
            table = True
        elif not line.strip():
            table = False
        elif cells and table:
            applications[cells[1]] = int(cells[2].replace(",", ""))
        elif cells:
            numbers[cells[1]] = int(cells[2].replace(",", ""))
    return numbers, applications


def path_of(row):
    return os.path.join(FOLDER, row["file"])


def without_sequence(events):
    """Events as texts in a fixed order, without what workers may give otherwise."""
    kept = []
    for e in events:
        e = json.loads(json.dumps(e))
        del e["event"]["sequence"]
        kept.append(json.dumps(e, sort_keys=True))
    return sorted(kept)


# ---- what holds for every capture ----

CREDENTIAL = re.compile(
    rb"(?im)^(?:PASS|AUTH (?:PLAIN|LOGIN)|(?:Proxy-)?Authorization: (?:Basic|NTLM|Digest)|"
    rb"[A-Za-z0-9.]+ LOGIN \S+) +([^\r\n]+)")


def credentials(row):
    """Passwords and tokens that go by in a capture, encoded and decoded."""
    secrets, asked = set(), set()
    for source, target, _, payload in capture.segments(path_of(row)):
        secrets.update(m[1].strip(b'"') for m in CREDENTIAL.finditer(payload)
                       if not m[0].startswith(b"230"))
        if (target, source) in asked and payload:  # the answer to a challenge (RFC 4954)
            secrets.add(payload.rstrip())
            asked.discard((target, source))
        if payload.startswith((b"334 ", b"+ ")):
            asked.add((source, target))
    for secret in list(secrets):
        try:
            clear = base64.b64decode(secret, validate=True)
        except ValueError:
            continue
        secrets.add(clear)
        secrets.update(re.split(rb"[\0:]", clear)[-1:])
    # The name alone (the first answer to AUTH LOGIN) may stand in the mail's sender too.
    return {s.decode("latin-1") for s in secrets if len(s) >= 5} - {"galunt", "galunt\r\n"}


# Where credentials go by, so that the search for them can't find nothing in silence.
LOGINS = ("P20", "P28", "P54", "P56", "P58", "P84", "P86", "ndpi/ftp.", "ndpi/imap.", "ndpi/pop3.",
          "ndpi/http_auth.", "ndpi/webdav.")


def no_credential(row, run):
    w, secrets = run.watch, credentials(row)
    run.need(secrets or not row["file"].startswith(LOGINS), "this capture holds a log-in")
    for secret in sorted(secrets):
        for text in w.lines + [w.out, w.err]:
            if secret in text:
                raise AssertionError(f"the credential {secret[:3]}... is in {text[:2000]}")


def no_person(run):
    for e in run.verdicts:
        for d in e["sluss"]["detectors"]:
            run.need(d["id"] not in ("personnummer", "samordningsnummer") or
                     d["medium"] + d["high"] == 0, f"a person where there is none: {d}")


def bytes_add_up(run):
    n = run.numbers
    parts = sum(v for k, v in n.items() if k.startswith("opaque: ")) + n["inspected"] + \
        n["exempt"] + n.get("repeated", 0) + n.get("undelivered", 0)
    run.same(parts, n["Payload"], "inspected, opaque, exempt, repeated, undelivered")
    run.same(n["exempt"], 0, "no rule exempts anything")


# ---- the P captures ----

def mails(n):
    def check(run, row):
        run.same(len(run.mails()), n, "messages")
    return check


def p02(run, row):
    mail, = run.mails()
    run.same(mail["sluss"]["recipients"], 1, "recipients")
    run.same(mail["email"]["subject"].strip(), "test email", "subject")


def p04(run, row):
    mail, = run.mails()
    run.same(mail["sluss"]["recipients"], 5, "recipients")
    # One of the five is outside: it decides.
    strict = Run(row, policy=RECIPIENTS)
    mail, = strict.mails()
    strict.same(sorted(mail["sluss"]["to"]), ["here", "inner", "outer"], "to whom")
    strict.same(mail["sluss"]["verdict"], "refuse", "verdict")


def p06(run, row):
    mail, = run.mails()
    run.same(sorted(mail["email"]["to"]["address"]), ["alice@example.com", "bob@example.com"],
             "recipients")


def p10(run, row):
    envelopes = [(e["email"]["from"]["address"], e["email"]["to"]["address"])
                 for e in run.mails()]
    alice, bob = ["alice@example.com"], ["bob@example.com"]
    run.same(envelopes, [(alice, bob), (bob, alice)], "envelopes")
    run.same(len(run.hits("p10")), 1, "the second body, once")


def p12(run, row):
    run.same(len(run.mails()), 2, "messages")
    # What a refused DATA was followed by is no message, but it crossed the wire.
    for marker in ("p12-2", "p12-3", "p12-4"):
        (e, f), = run.hits(marker)
        run.need("command" not in e["sluss"] and f["part"] == "smtp>session",
                 f"{marker} should be read as text of the session")


def p14(run, row):
    mail, = run.mails()
    run.same(mail["sluss"]["recipients"], 600, "recipients")
    run.same(len(mail["email"]["to"]["address"]), 100, "recipients that are listed")
    # Within smaller limits: the outcome is told, and the body is read all the same.
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as site:
        site.write("limits: {recipients: 100, header_block: 16384}\n")
        site.flush()
        small = Run(row, "--config", site.name)
    mail, = small.mails()
    small.need("recipients-over" in mail["sluss"]["flags"], "recipients over the limit")
    small.need("over-budget" in mail["sluss"]["opaque_bytes"], "opaque: over-budget")
    small.need(found(mail, "p14"), "the body behind them")


def p16(run, row):
    mail, = run.mails()
    run.same(run.opaque(), {}, "opaque")


def p20(run, row):
    mail, = run.mails()
    # related.patch has 34,224 bytes (index.csv); its last text ends there.
    (_, f), = run.hits("p20-last")
    run.need(f["part"].endswith(">related.patch"), "the last words of related.patch")
    run.same(f["offset"] + len("void\n"), 34224, "where they end")


def p22(run, row):
    (mail, f), = run.hits("p22")
    run.same(mail["file"]["name"], "malware.exe", "file name")
    run.same(f["offset"] + len("PAYLOAD"), 30, "its end is the part's")


def p24(run, row):
    (mail, _), = run.hits("eicar")
    run.same(mail["file"]["name"], "EICAR-Test-File", "file name")


def p26(run, row):
    (mail, f), = run.hits("eicar")
    run.need(mail["file"]["name"].endswith("..zip"), "the joined name ends in ..zip")
    # No reader of ZIP yet: the member is stored, so the raw scan finds it, and all is opaque.
    run.same(set(mail["sluss"]["opaque_bytes"]), {"unknown-format"}, "opaque")


def p28(run, row):
    mail, = run.mails()
    run.same([(o["part"].split(">")[-1], o["reason"]) for o in mail["sluss"]["opaque"]],
             [("winmail.dat", "unknown-format")], "TNEF")


def p30(run, row):
    mail, = run.mails()
    sender = mail["email"]["from"]["address"]
    run.need(sender and "attachment@example.com" not in sender, "the outer sender stays")


def p32(run, row):
    mail, = run.mails()
    run.same(mail["email"]["subject"].strip(), "test å é î ø ü", "subject")
    run.need(run.parts("p34", command="DATA") >= {"smtp"}, "the subject, in UTF-8")


def p34(run, row):
    mail, = run.mails()
    run.need("å é î ø ü" in mail["email"]["subject"], "the subject is one string")


def p36(run, row):
    mail, = run.mails()
    run.same(mail["sluss"]["command"], "BDAT", "command")
    run.same(mail["file"]["name"], "zeek-logo.png", "file name")
    run.same(set(mail["sluss"]["opaque_bytes"]), {"unknown-format"}, "the picture")
    # QUIT is glued to the last octet; the message has all before it.
    size, client = mail["sluss"]["bytes"], stream(row)[0]
    run.need(client.endswith(b"QUIT\r\n"), "the capture goes on to QUIT")
    run.same(size["inspected"] + size["opaque"], len(client) - len("QUIT\r\n"), "bytes")


def p40(run, row):
    cut, whole = run.mails()
    run.same((cut["sluss"]["command"], cut["sluss"]["bytes"]["gap"], cut["sluss"]["flags"]),
             ("BDAT", 1000, ["gap", "cut"]), "the chunk with the hole")
    run.same(whole["sluss"]["command"], "DATA", "the mail behind it")
    run.same(run.numbers["tcp: gap_bytes"], 1000, "bytes that never came")


def p42(run, row):
    run.same(len(run.mails()), 0, "messages")
    run.need(stream(row)[0].endswith(b"QUIT\r\n"), "the capture goes on to QUIT")
    session(run, row)


def p44(run, row):
    run.same([(e["sluss"]["command"], e["email"]["from"]["address"]) for e in run.mails()],
             [("BDAT", ["alice@example.com"]), ("DATA", ["bob@example.com"])], "messages")
    run.same(len(run.hits("p44-2", command="DATA")), 1, "the second body")


def p48(run, row):
    run.same(len(run.mails()), 4, "messages")
    run.same({e["sluss"]["command"] for e, _ in run.hits("p48")}, {"DATA"}, "commands")
    run.same(len(run.hits("p48")), 2, "times")
    run.need({e["destination"]["port"] for e in run.mails()} >= {25, 2525}, "both ports")
    run.need(run.hits("p48-subject", command="BDAT"), "a subject in a chunk")
    run.need("smtp>mime[2]>base64>test.txt" in run.parts("p48-text"), "test.txt")
    run.need("tls" not in run.opaque(), "no TLS record follows: nothing is opaque as TLS")


def session(run, row):
    """A session without a message leaves no record; all of it was read."""
    run.same(run.verdicts, [], "messages")
    run.same(run.numbers["inspected"], sum(map(len, stream(row))), "bytes that were read")
    run.same(run.opaque(), {}, "opaque")


def p54(run, row):
    e, = run.told("p54")
    run.same((e["sluss"]["command"], e["file"]["name"], e["destination"]["port"]),
             ("STOR", "index.html", 21003), "the upload")
    run.same(sorted(e["sluss"]["command"] for e in run.verdicts if "command" in e["sluss"]),
             ["NLST", "NLST", "STOR"], "transfers")


def p56(run, row):
    ups, downs = ["STOR", "APPE", "STOU"], ["RETR"]
    client = {source[0] for source, target, _, _ in capture.segments(path_of(row))
              if target[1] == 21}
    for commands, marker, from_client in ((ups, "p56", True), (downs, "p54", False)):
        hits = [e for e in run.told(marker) if e["sluss"]["command"] in commands]
        run.same(sorted(e["sluss"]["command"] for e in hits), sorted(commands * 2), "transfers")
        for e in hits:
            # In active mode the server opens the data connection: what counts is who sent.
            run.same(e["source"]["ip"] in client, from_client, "who sent " +
                     e["sluss"]["command"])
            run.need(e["file"]["name"], "a file name")
    run.same({e["file"]["name"] for e, _ in run.hits("p54") if e["sluss"]["command"] == "RETR"},
             {"index.html"}, "what was fetched")
    run.same(sorted(e["sluss"]["sender"] for e, _ in run.hits("p56")),
             ["client"] * 3 + ["server"] * 3, "passive, then active")


def p60(run, row):
    client, server = stream(row)
    clear = client.index(b"\x16\x03"), server.index(b"\x16\x03")
    for sender, whole, at in (("client", client, clear[0]), ("server", server, clear[1])):
        e, = run.by(sender=sender)
        run.same((e["sluss"]["bytes"]["inspected"], e["sluss"]["opaque_bytes"]),
                 (at, {"tls": len(whole) - at}), f"{sender}: clear, then TLS")
    run.same({e["sluss"]["verdict"] for e in run.verdicts}, {"forward"}, "verdict")
    run.same({e["event"]["kind"] for e in run.verdicts}, {"alert"}, "the policy minds it")


def p62(run, row):
    # No reader of NFS: raw, on the file channel.
    (e, _), = run.hits("p62")
    run.same((e["sluss"]["channel"], e["destination"]["port"]), ("file", 2049), "where")
    run.same(run.opaque(), {}, "opaque")


def p64(run, row):
    # No reader of SMB: one message each way, and nothing alerted.
    run.same({(e["sluss"]["sender"], e["event"]["kind"]) for e in run.verdicts},
             {("client", "event"), ("server", "event")}, "a negative control")


def p72(run, row):
    (e, _), = run.hits("p72")
    run.same(e["file"]["name"], "test.txt", "file name")
    run.same(run.by(sender="server"), [], "the other side is silent")


def p74(run, row):
    (e, _), = run.hits("p74")
    run.same(e["file"]["name"], "putty.exe", "file name")
    run.same(e["sluss"]["flags"], ["cut"], "flags")
    run.same(set(e["sluss"]["opaque_bytes"]), {"unknown-format"}, "a program, by its content")


def p76(run, row):
    counts = [(e["destination"]["port"], d["total"]) for e in run.by(sender="client")
              for d in e["sluss"]["detectors"] if d["id"] == "p76"]
    body = stream(row, 80)[0].split(b"\r\n\r\n", 1)[1]
    run.same(sorted(counts), [(p, body.count(row["marker"].encode())) for p in (80, 5000)],
             "the same findings on both ports")


def p78(run, row):
    e, = run.by(sender="client")
    run.need(e["sluss"]["opaque_bytes"]["over-budget"] > 0, "opaque: over-budget")
    run.need(run.hits("p78-1") and run.hits("p78-50"), "the parts before")


def p80(run, row):
    client = [e for e in run.by(sender="client")]
    run.same([e["sluss"]["bytes"]["gap"] for e in client if "gap" in e["sluss"]["bytes"]],
             [1274, 1275], "holes of the client's stream")
    last = max(i for i, e in enumerate(client) if "gap" in e["sluss"]["bytes"])
    run.need(any(e["http"]["request"]["method"] == "GET" for e in client[last + 1:]),
             "the next request after the last hole")


def p82(run, row):
    e, = [e for e in run.by(sender="client") if e["sluss"]["bytes"]["opaque"]]
    run.same(set(e["sluss"]["opaque_bytes"]), {"unknown-format"}, "opaque")
    run.same(sum(e["sluss"]["bytes"]["opaque"] + e["sluss"]["bytes"]["inspected"]
                 for e in run.by(sender="client")), len(stream(row)[0]), "bytes")


def p84(run, row):
    run.same(run.hits("p84", sender="client"), [], "nothing client to server")


def p86(run, row):
    run.same({e["event"]["kind"] for e in run.events}, {"event"}, "a negative control")
    methods = {e["http"]["request"]["method"] for e in run.by(sender="client")}
    run.same(methods, {m.decode() for m in re.findall(rb"(?m)^([A-Z]+) \S+ HTTP/1.1\r",
                                                       b"\r\n".join(streams(row)))}, "methods")


def p88(run, row):
    e, = run.evasions
    run.same((e["sluss"]["evasion"]["what"], e["sluss"]["sender"], e["event"]["kind"]),
             ("tcp-overlap-conflict", "client", "alert"), "the conflict")
    run.same((e["sluss"]["evasion"]["offset"], e["sluss"]["evasion"]["bytes"]), (1, 3), "where")
    run.need("evasion" in run.hits("p88")[0][0]["sluss"]["flags"], "flags")
    run.need(run.hits("p88-aside"), "the other reading, which begins before the copy")


def p92(run, row):
    run.need(not run.hits("p92-rst", sender="server"), "payload of the RST is the client's")
    run.same(run.numbers["undelivered"], len("Access Denied"), "payload of the RST")


def p94(run, row):
    (e, _), = run.hits("p94")
    run.same(run.numbers["tcp: split_handshake"], 1, "the handshake is told")


def p96(run, row):
    posts = [e for e in run.by(sender="client") if e["http"]["request"]["method"] == "POST"]
    run.same(len(posts), 1, "POSTs")
    run.need(run.numbers["tcp: syn_resent"] > 0, "the SYNs are told")


def p98(run, row):
    run.same(run.numbers["tcp: syn_data"], 1, "the SYN with payload is told")


def p100(run, row):
    (e, _), = run.hits("p100")
    run.same(e["sluss"]["flags"], ["midstream"], "flags")


# capture: marker, sender, channel, inspector, parts in which it must be, its check.
MAIL = {
    "P02": ("p02", "client", "mail", "smtp", ["smtp"], p02),
    "P04": ("p04", "client", "mail", "smtp", ["smtp>mime[1]"], p04),
    "P06": ("p06", "client", "mail", "smtp", ["smtp>mime[1]"], p06),
    "P08": ("p08", "client", "mail", "smtp", ["smtp>mime[1]"], mails(1)),
    "P10": ("p10", "client", "mail", "smtp", ["smtp>mime[1]"], p10),
    "P12": ("p12", "client", "mail", "smtp", ["smtp"], p12),
    "P14": ("p14", "client", "mail", "smtp", ["smtp>mime[1]"], p14),
    "P16": ("p16", "client", "mail", "smtp", ["smtp>mime[2]>base64"], p16),
    "P18": ("p16", "client", "mail", "smtp", ["smtp>mime[2]>base64"], p16),
    "P20": ("p20", "client", "mail", "smtp", ["smtp>mime[2]>quoted-printable>words.txt"], p20),
    "P22": ("p22", "client", "mail", "smtp", ["smtp>mime[1]>malware.exe"], p22),
    "P24": ("eicar", "client", "mail", "smtp", ["smtp>mime[2]>EICAR-Test-File"], p24),
    "P26": ("eicar", "client", "mail", "smtp", [], p26),
    "P28": ("p28", "client", "mail", "smtp", ["smtp>mime[1]"], p28),
    "P30": ("p30", "client", "mail", "smtp", ["smtp"], p30),
    "P32": ("p32", "client", "mail", "smtp", ["smtp>mime[1]>quoted-printable",
                                              "smtp>mime[2]>quoted-printable>html"], p32),
    "P34": ("p34", "client", "mail", "smtp", ["smtp"], p34),
    "P36": ("p36", "client", "mail", "smtp", ["smtp>mime[1]"], p36),
    "P38": ("p38", "client", "mail", "smtp", ["smtp"], mails(1)),
    "P40": (None, "client", "mail", "smtp", [], p40),
    "P42": (None, "client", "mail", "smtp", [], p42),
    "P44": ("p44", "client", "mail", "smtp", ["smtp"], p44),
    "P46": ("p46", "client", "mail", "smtp", ["smtp>mime[1]"], mails(1)),
    "P48": ("p48", "client", "mail", "smtp", ["smtp>mime[1]"], p48),
    "P50": (None, "client", "mail", "smtp", [], session),
    "P84": ("p84", "server", "mail", "raw", ["raw"], p84),
}
FILES = {
    "P54": ("p54", "client", "file", "ftp", ["STOR>index.html"], p54),
    "P56": ("p56", "client", "file", "ftp", ["STOR>all-data-ipv6-passive-stor-appe.txt"], p56),
    "P58": (None, "client", "file", "ftp", [], session),
    "P60": (None, "client", "file", "ftp", [], p60),
    "P62": ("p62", "client", "file", "raw", ["raw"], p62),
    "P64": (None, "client", "file", "raw", [], p64),
    "P66": ("eicar", "client", "file", "raw", ["raw"], None),
    "P68": ("eicar", "client", "file", "raw", ["raw"], None),
}
WEB = {
    "P70": ("p70", "client", "web", "http", ["http>body>urlencoded"], None),
    "P72": ("p72", "client", "web", "http", ["http>body>mime[1]>test.txt"], p72),
    "P74": ("p74", "client", "web", "http", ["http>body>mime[1]>putty.exe"], p74),
    "P76": ("p76", "client", "web", "http", ["http>body>urlencoded"], p76),
    "P78": ("p78", "client", "web", "http", [], p78),
    "P80": (None, "client", "web", "http", [], p80),
    "P82": (None, "client", "web", "http", [], p82),
    "P86": (None, "client", "web", "http", [], p86),
    "P90": ("p90", "server", "web", "http", ["http>body"], None),
    "P96": ("p96", "client", "web", "http", ["http>header>target>urlencoded"], p96),
    "P98": ("p98", "client", "web", "http", ["http>header"], p98),
    "P100": ("p100", "client", "web", "http", ["http>header"], p100),
}
OTHER = {
    # Bytes without a protocol of their own: nDPI says web, by the ports 80 and 8080.
    "P88": ("p88", "client", "web", "http", [], p88),
    "P92": ("p92", "server", "web", "raw", ["raw"], p92),
    "P94": ("p94", "client", "web", "http", [], p94),
}
TABLE = {**MAIL, **FILES, **WEB, **OTHER}


def stream(row, port=None):
    """Payload of the first TCP connection (to @p port): client's, server's; in file order."""
    client = None
    sides = [b"", b""]
    for source, target, flags, payload in capture.segments(path_of(row)):
        if client is None and flags & 2 and port in (None, target[1]):
            client = source, target
        if client in ((source, target), (target, source)):
            sides[client == (target, source)] += payload
    return sides


def streams(row):
    """Payload of all TCP segments."""
    return [payload for _, _, _, payload in capture.segments(path_of(row))]


def p_case(row, run):
    marker, sender, channel, inspector, parts, check = TABLE[row["file"].split("-")[0]]
    run.need(run.numbers[channel] > 0, f"a flow of the channel {channel}")
    if marker:
        where = run.parts(marker, sender=sender, channel=channel, inspector=inspector)
        run.need(where, f"{marker} from {sender} over {channel}, read by {inspector}")
        run.need(where >= set(parts), f"{marker} in {parts}, it is in {where}")
    if check:
        check(run, row)


# ---- http-evader ----

def evader_case(row, run):
    run.need(run.hits("eicar", sender="server", channel="web"),
             "EICAR from server to client")


# ---- ndpi ----

# Where our flows are other ones than ndpiReader's: the counts that we see.
SPLIT = {
    # A FIN is sent again 14 and 29 s after the close: past tcp_close_timeout, a new flow.
    "bt-http.pcapng": {"HTTP": 1},
    # 120 s of silence (udp_idle_timeout), then more datagrams.
    "tor.pcap": {"Dropbox": 2},
    "wireguard.pcap": {"WireGuard": 3},
    # PPPoE and 6in4: ndpiReader opens the tunnel, we count it opaque.
    "dns.pcap": {"DNS.WhatsApp": 0},
    "6in4tunnel.pcap": {"Unknown": 1, "TLS.Facebook": 0, "TLS": 0, "ICMPV6": 0,
                        "DNS.Facebook": 0, "HTTP": 0, "IMAPS": 0},
}


# What is opaque for its protocol's sake: why, and whether nothing of it is read.
OPAQUE = {
    "443-curl.pcap": ("tls", True),
    "6in4tunnel.pcap": ("tunnel", True),
    "dtls.pcap": ("tunnel", True),
    "ftp-start-tls.pcap": ("tls", False),
    "imaps.pcap": ("tls", True),
    "quic_q43.pcap": ("tls", True),
    "quic_q50.pcap": ("tls", True),
    "ssh.pcap": ("encrypted", True),
    "wireguard.pcap": ("encrypted", False),
}

# Flows by channel, where the handshake tells more than the protocol.
CHANNELS = {
    "443-curl.pcap": {"app": 1},
    "excerpt-sites-cloud-and-chat.pcap": {"app": 6},
    "imaps.pcap": {"mail": 1},
}


def observed():
    """Flows by capture and protocol, as ndpiReader 4.2 counts them."""
    flows = collections.defaultdict(dict)
    with open(os.path.join(FOLDER, "ndpi", "observed-4.2.csv"), encoding="utf-8") as f:
        for r in csv.DictReader(f):
            flows[r["capture"]][r["protocol"]] = int(r["flows"])
    return flows


def ndpi_case(row, run, want):
    name = row["file"].split("/")[1]
    want = {**want[name], **SPLIT.get(name, {})}
    # The summary's table cuts long names.
    run.same(run.applications, {k[:28]: v for k, v in want.items() if v}, "flows")
    reason, whole = OPAQUE.get(name, (None, False))
    run.need(reason is None or run.opaque().get(reason, 0) > 0, f"opaque: {reason}")
    run.need(not whole or run.numbers["inspected"] == 0, "nothing of it is read")
    for channel, flows in CHANNELS.get(name, {}).items():
        run.need(run.numbers[channel] >= flows, f"{flows} flows of the channel {channel}")


# ---- checksums ----

def verified(rows):
    """With --checksums verify, bytes of frames with bad ones are opaque, and it is said."""
    for row in rows:
        bad, frames = int(row["frames with bad checksum"]), int(row["frames"])
        run = Run(row, checksums="verify")
        told = sum(run.numbers.get(k, 0)
                   for k in ("IP_CHECKSUM", "TCP_CHECKSUM", "UDP_CHECKSUM"))
        run.same(told, bad, f"{row['file']}: frames with bad checksums")
        hint = re.search(r"WARNING: (\d+) of (\d+) packets have a wrong checksum and were NOT "
                         r"READ.*--checksums ignore", run.watch.err, re.S)
        run.same(hint and (int(hint[1]), int(hint[2])), (bad, frames) if bad * 20 >= frames
                 else None, f"{row['file']}: the hint")
        if bad == frames:
            run.same(run.numbers["inspected"], 0, "inspected")
            run.same(run.opaque(), {"damaged": run.numbers["Payload"]}, "opaque")


# ---- all of it ----

def one(row, want):
    """Everything about one capture; run by a thread, which waits for sluss."""
    run, again = Run(row), Run(row, workers=2)
    again.same(without_sequence(again.events), without_sequence(run.events),
               "two workers' events and one's")
    bytes_add_up(run)
    no_person(run)
    no_credential(row, run)
    if row["file"].startswith("P"):
        p_case(row, run)
    elif row["file"].startswith("http-evader/"):
        evader_case(row, run)
    else:
        ndpi_case(row, run, want)


def main(words):
    index = os.path.join(FOLDER, "index.csv")
    if not os.path.exists(index):
        print(f"captures: none were found (SLUSS_CAPTURES, or {os.path.normpath(FOLDER)}): the "
              f"{len(TABLE)} cases P02 to P100, the 101 of http-evader, the 118 of ndpi and "
              "that of checksums did not run")
        return 0
    with open(index, encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f)
                if not words or any(w in r["file"] for w in words)]
    want, cases = observed(), Cases("captures")
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        ahead = [(r["file"], pool.submit(one, r, want)) for r in rows]
        bad = [r for r in rows if r["file"].startswith("P") and
               int(r["frames with bad checksum"])]
        if bad:
            ahead.append((f"checksums of {len(bad)} captures", pool.submit(verified, bad)))
        for name, future in ahead:
            cases.run(name, future.result)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
