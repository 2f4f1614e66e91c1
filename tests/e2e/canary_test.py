# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary: identifiers and passwords are planted wherever traffic and files
can hold them, and searched for in everything that the programs write: events,
standard output and error, in whatever form a reader would see through.

Each place has a number of its own, so a failure says where it came from.
"""

import base64
import codecs
import html
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
import urllib.parse

import sluss

sys.path.insert(0, os.path.join(sluss.ROOT, "tests", "support"))
import identifiers  # noqa: E402
import wire  # noqa: E402

CLIENT, SERVER, OUTSIDE = "10.10.0.5", "192.0.2.9", "203.0.113.80"
SECRETS = ["Kanal-Lösen-Fyr7", "mollösund&dimma", "tok3n.kvarnsjö.fackla", "brygga\0tross"]
SECRETS = [s.encode() for s in SECRETS]

POLICY = """schema: 1
name: canary
classes: [K0, K1, K2, K3]
domains:
  vard: {control: inside, networks: [10.10.0.0/16]}
  leverantor: {control: partner, networks: [192.0.2.0/24], mail: [leverantor.example]}
packs: [se-personal]
information:
  - {id: persons, class: K3, when: {personnummer: 1, unique: true}}
egress:
  - {from: vard, to: leverantor, channel: any, ceiling: K0, over: refuse}
default: {ceiling: K0, over: alert, opaque: alert}
"""


class Plants:
    """A new number for each place; remembers which is where."""

    def __init__(self):
        self.numbers = itertools.islice(identifiers.test_personnummer(), 1000, None, 31)
        self.where = {}

    def twelve(self, place):
        number = next(self.numbers)
        self.where[number] = place
        return number

    def hyphen(self, place):
        return identifiers.hyphenated(self.twelve(place))

    def ten(self, place):
        return self.twelve(place)[2:]

    def short(self, place):
        return self.hyphen(place)[2:]

    def escaped(self, place):
        """Every character as %XX."""
        return "".join("%%%02x" % c for c in self.hyphen(place).encode())

    def packed(self, place):
        return base64.b64encode(self.twelve(place).encode()).decode()


# ---- looking for them ----

_SEPARATORS = re.compile(r"(?<=\d)[-+ ._:/]{1,3}(?=\d)")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}")


def views(text):
    """The text as different readers would see it."""
    yield text
    unescaped = text
    for _ in range(3):
        unescaped = urllib.parse.unquote(unescaped, errors="replace")
        yield unescaped
    yield html.unescape(unescaped)
    yield text.encode("ascii", "backslashreplace").decode().replace("\\\\", "\\")
    for token in _BASE64.findall(text):
        for skip in range(4):
            part = token[skip:].replace("-", "+").replace("_", "/")
            part = part[:len(part) // 4 * 4]
            yield base64.b64decode(part).decode("utf-8", "replace")
    try:
        yield codecs.decode("".join(re.findall(r"(?:[0-9a-f]{2}){10,}", text)), "hex").decode(
            "latin-1")
    except ValueError:
        pass


def folded(text):
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return _SEPARATORS.sub("", text)


def strings(value):
    """Every text in a JSON value, keys too."""
    if isinstance(value, dict):
        for k, v in value.items():
            yield k
            yield from strings(v)
    elif isinstance(value, list):
        for v in value:
            yield from strings(v)
    elif value is not None:
        yield str(value)


class Searcher:
    def __init__(self, plants):
        self.plants = plants
        self.needles = re.compile("|".join(n[2:] for n in plants.where))
        self.by_ten = {n[2:]: place for n, place in plants.where.items()}

    def leaks(self, output):
        """Places whose number is in `output`, and secrets that are."""
        found = set()
        for line in output.splitlines():
            texts = [line]
            if line.startswith("{"):
                texts += strings(json.loads(line))
            for text in texts:
                found |= self.leaks_of_text(text)
        return sorted(found)

    def leaks_of_text(self, text):
        found = set()
        for view in views(text):
            for m in self.needles.findall(view) + self.needles.findall(folded(view)):
                found.add(self.by_ten[m])
            for s in SECRETS:
                for word in s.decode().split("\0"):
                    if len(word) > 5 and word in view:
                        found.add(f"the secret {word[:4]}…")
        return found

    def check(self, what, *outputs):
        leaks = sorted(set(itertools.chain(*(self.leaks(o) for o in outputs))))
        if leaks:
            raise AssertionError(f"{what}: in clear: {', '.join(leaks)}")


# ---- traffic ----

def a_mail(p):
    """One mail with a number in every place that a mail has."""
    zipped = b"PK\x03\x04\x14\0\x01\0" + bytes(40)
    name = urllib.parse.quote(f"röntgen {p.hyphen('RFC 2231 name')}.txt")
    word = base64.b64encode(f"Provsvar {p.hyphen('subject, B word')}".encode()).decode()
    q_word = f"=?iso-8859-1?Q?f=F6r_{p.hyphen('subject, Q word')}?="
    rows = f"pnr;x\r\n{p.hyphen('attachment')};1\r\n{p.twelve('attachment, twelve')};2\r\n"
    split = p.hyphen("html")
    return "\r\n".join([
        f"From: \"Anna {p.hyphen('From name')}\" <a@vard.example>",
        f"To: \"Bo {p.twelve('To name')}\" <b@leverantor.example>",
        f"Subject: Om {p.hyphen('subject')} =?utf-8?B?{word}?= {q_word}",
        f"Message-ID: <{p.hyphen('Message-ID')}.x@vard.example>",
        f"In-Reply-To: <{p.twelve('In-Reply-To')}@vard.example>",
        f"X-Patient: {p.hyphen('header value')}",
        f"X-{p.twelve('header name')}: ja",
        f"Comments: vikt {p.hyphen('folded header')[:4]}",
        f" {p.short('folded header, second line')}",
        f"Ett trasigt huvud {p.hyphen('line that is no header')}",
        "MIME-Version: 1.0",
        f"Content-Type: multipart/mixed; boundary=\"{(b := p.hyphen('boundary'))}\"", "",
        f"Inledning {p.hyphen('preamble')}",
        f"--{b}", f"Content-Type: text/plain; charset=\"{p.twelve('charset')}\"",
        f"Content-ID: <{p.hyphen('Content-ID')}>", "",
        f"Patient {p.hyphen('body')} och {p.twelve('body, twelve')} och {p.ten('body, ten')}.",
        f"--{b}", "Content-Type: text/html", "",
        f"<p>{split[:6]}<b>{split[6:]}</b> {p.hyphen('html').replace('-', '&#8211;')}</p>"
        f"<a href=\"/p/{p.twelve('html attribute')}\">x</a><!-- {p.hyphen('comment')} -->",
        f"--{b}", f"Content-Type: text/csv; name=\"a {p.hyphen('type name')}.csv\"",
        f"Content-Disposition: attachment; filename=\"lista_{p.twelve('file name')}_2.csv\"",
        "Content-Transfer-Encoding: base64", "",
        base64.encodebytes(rows.encode()).decode().strip().replace("\n", "\r\n"),
        f"--{b}", "Content-Type: application/zip",
        f"Content-Disposition: attachment; filename*=utf-8''{name}",
        "Content-Transfer-Encoding: base64", "", base64.b64encode(zipped).decode(),
        f"--{b}", f"Content-Type: application/{p.twelve('subtype')}",
        f"Content-Transfer-Encoding: x-{p.twelve('encoding name')}",
        "Content-Disposition: attachment; filename=\"=?utf-8?B?" +
        base64.b64encode(f"remiss {p.hyphen('file name, B word')}.txt".encode()).decode() + "?=\"",
        "", f"rad {p.hyphen('unknown encoding')}",
        f"--{b}", "Content-Type: message/rfc822", "",
        f"Subject: {p.hyphen('attached subject')}", f"To: {p.short('attached To')}", "",
        f"Text {p.hyphen('attached body')}", "", f"--{b}",
        f"Content-Disposition: attachment; filename=\"{p.packed('file name, base64')}.txt\"", "",
        "begin 644 " + p.hyphen("uuencode name"), "#0V%T", "`", "end",
        f"--{b}--", f"Slut {p.hyphen('epilogue')}", ""]).encode()


def smtp_session(cap, p, mail):
    sender = f"anna.{p.hyphen('sender')}@vard.example"
    to = [f"{p.twelve('recipient')}@leverantor.example", "b@leverantor.example",
          f"bo@{p.twelve('mail domain')}.leverantor.example",
          f"\"{p.short('quoted recipient')} x\"@leverantor.example",
          f"{p.packed('recipient, base64')}@leverantor.example",
          f"refused.{p.hyphen('refused recipient')}@leverantor.example"]
    tcp = wire.Tcp(cap, CLIENT, 40001, SERVER, 25)
    tcp.open()
    tcp.server(f"220 mx{p.twelve('greeting')}.example ESMTP\r\n".encode())
    tcp.client(f"EHLO k{p.twelve('EHLO')}.example\r\n".encode())
    tcp.server(b"250-mx.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n")
    tcp.client(b"AUTH PLAIN " + base64.b64encode(
        b"\0" + p.twelve("AUTH PLAIN user").encode() + b"\0" + SECRETS[0]) + b"\r\n")
    tcp.server(b"535 5.7.8 No\r\n")
    tcp.client(b"AUTH LOGIN\r\n")
    tcp.server(b"334 VXNlcm5hbWU6\r\n")
    tcp.client(base64.b64encode(p.hyphen("AUTH LOGIN user").encode()) + b"\r\n")
    tcp.server(b"334 UGFzc3dvcmQ6\r\n")
    tcp.client(base64.b64encode(SECRETS[1]) + b"\r\n")
    tcp.server(b"535 5.7.8 No\r\n")
    tcp.client(b"AUTH PLAIN\r\n")
    tcp.server(b"334 \r\n")
    tcp.client(base64.b64encode(b"a\0b\0" + SECRETS[3]) + b"\r\n")
    tcp.server(b"235 2.7.0 Ok\r\n")
    tcp.client(f"VRFY {p.hyphen('VRFY')}\r\n".encode())
    tcp.server(f"252 {p.hyphen('reply')}\r\n".encode())
    tcp.client(f"XHEJ{p.twelve('unknown command')} a\r\n".encode())
    tcp.server(b"502 5.5.2 No\r\n")
    tcp.client(f"MAIL FROM:<{sender}> ENVID={p.twelve('ENVID')}\r\n".encode())
    tcp.server(b"250 2.1.0 Ok\r\n")
    for r in to:
        tcp.client(f"RCPT TO:<{r}>\r\n".encode())
        tcp.server(b"550 5.1.1 No\r\n" if r.startswith("refused") else b"250 2.1.5 Ok\r\n")
    tcp.client(b"DATA\r\n")
    tcp.server(b"354 Go on\r\n")
    tcp.client(mail.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
    tcp.server(f"250 2.0.0 Ok: {p.hyphen('queue id')}\r\n".encode())
    tcp.client(b"QUIT\r\n")
    tcp.server(b"221 2.0.0 Bye\r\n")
    tcp.close()


def http_requests(p):
    """Requests of one connection each: (head lines, body, response)."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    basic = base64.b64encode(p.twelve("Basic user").encode() + b":" + SECRETS[0]).decode()
    form = ("--gr\r\nContent-Disposition: form-data; name=\"falt-{0}\"\r\n\r\nv {1}\r\n"
            "--gr\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{2}.txt\"\r\n"
            "Content-Type: text/plain\r\n\r\nhej {3}\r\n--gr--\r\n").format(
        p.hyphen("form field name"), p.hyphen("form field"), p.hyphen("form file name"),
        p.hyphen("form file"))
    host = "leverantor.example"
    yield [f"POST /patient/{p.hyphen('path')}/x;v={p.twelve('path parameter')}"
           f"?pnr={p.hyphen('query')}&a={p.escaped('query, escaped')} HTTP/1.1",
           f"Host: {p.twelve('Host')}.leverantor.example",
           f"Cookie: sid={p.hyphen('cookie')}; s={SECRETS[2].decode()}",
           f"Authorization: Basic {basic}", f"X-P: {p.ten('HTTP header')}",
           f"X-{p.twelve('HTTP header name')}: 1", f"User-Agent: A/{p.hyphen('agent')}",
           f"Referer: http://{host}/?p={p.twelve('referer')}"], b"hej", ok
    yield [f"PUT /{p.escaped('path, escaped')}.csv HTTP/1.1", f"Host: {host}",
           f"Authorization: Bearer {SECRETS[2].decode()}"], \
        f"rad {p.hyphen('PUT body')}".encode(), ok
    yield [f"PUT /{p.packed('path, base64')}/{p.hyphen('path')[2:]}.csv HTTP/1.1",
           f"Host: {host}:80"], b"x" * 30, ok
    yield [f"GET http://{p.twelve('user of the URL')}@{host}/{p.short('absolute')} HTTP/1.1",
           f"Host: {host}"], b"", \
        (f"HTTP/1.1 302 Found\r\nLocation: /p/{p.hyphen('Location')}\r\nContent-Disposition: "
         f"attachment; filename=\"{p.hyphen('response name')}.txt\"\r\nContent-Length: 40\r\n"
         "\r\n" + f"svar {p.hyphen('response body')}".ljust(40)).encode()
    yield ["POST /f HTTP/1.1", f"Host: {host}",
           "Content-Type: multipart/form-data; boundary=gr"], form.encode(), ok
    values = f"{p.twelve('form key')}=1&pnr={p.escaped('form value')}&l={SECRETS[1].decode()}"
    yield ["POST /u HTTP/1.1", f"Host: {host}",
           "Content-Type: application/x-www-form-urlencoded"], values.encode(), ok
    yield ["POST /j HTTP/1.1", f"Host: {host}", "Content-Type: application/json"], json.dumps(
        {p.hyphen("JSON key"): p.twelve("JSON value"), "n": int(p.twelve("JSON number"))}
    ).encode(), ok
    yield [f"P{p.twelve('method')} /m HTTP/1.1", f"Host: {host}"], b"abc", ok
    yield [f"CONNECT {p.twelve('CONNECT')}.example:443 HTTP/1.1", f"Host: {host}"], b"", \
        b"HTTP/1.1 200 Ok\r\n\r\n"
    wide = "".join(chr(ord(c) + 0xFEE0) for c in p.twelve("path, fullwidth"))
    yield [f"PUT /{wide} HTTP/1.1", f"Host: {host}"], "ö".encode() * 9, ok
    yield [f"PUT /{p.escaped('path, twice escaped').replace('%', '%25')} HTTP/1.1",
           f"Host: {host}"], b"abc", ok


def ftp_session(cap, p):
    ctl = wire.Tcp(cap, CLIENT, 40300, SERVER, 21)
    ctl.open()
    ctl.server(b"220 ok\r\n")

    def say(command, reply):
        ctl.client(command.encode() + b"\r\n")
        ctl.server(reply.encode() + b"\r\n")
    say("USER " + p.twelve("USER"), "331 Password")
    say("PASS " + SECRETS[0].decode(), "530 No")
    say("USER demo", "331 Password")
    say("PASS " + p.hyphen("PASS"), "230 Ok")
    say("ACCT " + SECRETS[2].decode(), "230 Ok")
    say("CWD /arkiv/" + p.hyphen("CWD"), "250 Ok")
    say("TYPE I", "200 Ok")
    say("SITE " + p.hyphen("SITE"), "200 " + p.hyphen("FTP reply"))
    for i, (verb, name) in enumerate((
            ("STOR", f"{p.hyphen('STOR')}.txt"), ("STOR", f"a/{p.twelve('STOR folder')}/b.csv"),
            ("RETR", f"x_{p.twelve('RETR')}_y.txt"), ("APPE", p.packed("APPE, base64")),
            ("STOR", p.escaped("STOR, escaped")))):
        say("PASV", "227 Ok (%s,%d,%d)." % (SERVER.replace(".", ","), 160, i))
        tcp = wire.Tcp(cap, CLIENT, 40310 + i, SERVER, 160 * 256 + i)
        tcp.open()
        say(f"{verb} {name}", f"150 Opening {name}")
        tcp.send(verb == "RETR", f"innehåll {p.hyphen('FTP data')}\r\n".encode() * 3)
        tcp.close()
        ctl.server(b"226 Done\r\n")
    ctl.close()


def others(cap, p):
    """Protocols without an inspector, and names that nDPI reads."""
    raw = wire.Tcp(cap, CLIENT, 40400, SERVER, 9999)
    raw.open()
    raw.client(f"hej {p.hyphen('unknown protocol')} hej\r\n".encode())
    raw.server(f"svar {p.twelve('unknown protocol, answer')}\r\n".encode())
    raw.close()
    label = p.twelve("DNS name").encode()
    wire.udp(cap, CLIENT, 40401, OUTSIDE, 53, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" +
             b"\x0c" + label + b"\x07example\0\0\x10\0\x01")
    wire.udp(cap, CLIENT, 40402, OUTSIDE, 514, f"<13>p {p.hyphen('syslog')}".encode())
    name = (p.twelve("SNI") + ".example").encode()
    sni = b"\0\0" + (len(name) + 5).to_bytes(2, "big") + (len(name) + 3).to_bytes(2, "big") + \
        b"\0" + len(name).to_bytes(2, "big") + name
    hello = b"\x03\x03" + bytes(32) + b"\0\0\x02\x13\x01\x01\0" + len(sni).to_bytes(2, "big") + sni
    shake = b"\x01" + len(hello).to_bytes(3, "big") + hello
    tls = wire.Tcp(cap, CLIENT, 40403, OUTSIDE, 443)
    tls.open()
    tls.client(b"\x16\x03\x01" + len(shake).to_bytes(2, "big") + shake)
    tls.close()


def make_traffic(path, p):
    with wire.Capture(path) as cap:
        smtp_session(cap, p, a_mail(p))
        for i, (head, body, reply) in enumerate(http_requests(p)):
            tcp = wire.Tcp(cap, CLIENT, 40100 + i, SERVER, 80)
            tcp.open()
            head = head + ([f"Content-Length: {len(body)}"] if body else [])
            tcp.client("\r\n".join(head).encode() + b"\r\n\r\n" + body)
            tcp.server(reply)
            tcp.close()
        ftp_session(cap, p)
        others(cap, p)


# ---- runs ----

def run(*command, env=None, **more):
    p = subprocess.run(command, capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
                       env={**os.environ, **(env or {})}, check=False, **more)
    return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")


def watch_case(search, folder, capture, options, log):
    if "--events" in options:
        status, out, err = run(sluss.SLUSS, "watch", "--pcap", capture, *options)
        assert status == 0, (status, err)
        assert '"event"' in out, "no events on standard output"
        search.check("watch", out, err)
        return
    w = sluss.Watch("--pcap", capture, *options, policy=os.path.join(folder, "canary.yaml"),
                    folder=folder, messages=log)
    w.need(w.status == 0, "status")
    w.need(len(w.events) > 20, f"only {len(w.events)} events")
    if "--quiet" in options:
        w.need(w.out + w.err == "", "not quiet")
    search.check("watch", "\n".join(w.lines), w.out, w.err)


def found_case(search, folder, capture):
    """The canary sings only if what was planted is seen at all."""
    w = sluss.Watch("--pcap", capture, policy=os.path.join(folder, "canary.yaml"), folder=folder)
    seen = sum(sluss.count_of(e, "persons") for e in w.events)
    # Encoded twice, or below the least evidence, some are not found: at least most are.
    w.need(seen > 0.7 * len(search.plants.where),
           f"{seen} of {len(search.plants.where)} are found")


def control_case(search, capture):
    """The search itself works: in the traffic it finds nearly all, secrets too."""
    with open(capture, "rb") as f:
        text = f.read().decode("utf-8", "replace").replace("{", "(")
    found = search.leaks(text)
    words = {w[:4] for s in SECRETS for w in s.decode().split("\0") if len(w) > 5}
    assert all(f"the secret {w}…" in found for w in words), f"{words}, {found[-5:]}"
    places = set(search.plants.where.values())
    missed = places - set(found)
    assert len(missed) < 0.1 * len(places), f"not found in the traffic: {sorted(missed)}"


def make_tree(folder, p):
    tree = os.path.join(folder, "tree")
    inner = os.path.join(tree, "mapp " + p.hyphen("folder name"))
    os.makedirs(inner)
    files = {
        "brev.eml": a_mail(p), f"brev {p.hyphen('.eml name')}.eml": a_mail(p),
        f"{p.twelve('file name on disk')}.txt": f"hej {p.hyphen('file')}".encode(),
        f"x_{p.twelve('name of a clean file')}_2.pdf": b"%PDF-1.4\n",
        f"{p.packed('file name on disk, base64')}.txt": f"pnr {p.hyphen('file')}".encode(),
        f"{p.escaped('file name on disk, escaped')}.txt": f"pnr {p.hyphen('file')}".encode(),
        "låda.mbox": b"From a@b Fri Jul  8 12:08:34 2011\n" + a_mail(p).replace(b"\r\n", b"\n"),
        "rad.csv": f"pnr\n{p.hyphen('csv')}\n{p.twelve('csv')}\n{p.ten('csv')}\n".encode(),
    }
    for name, data in files.items():
        with open(os.path.join(inner, name), "wb") as f:
            f.write(data)
    return tree


def scan_case(search, tree, options):
    status, out, err = run(sluss.SLUSSCTL, "scan", *options, tree)
    assert status == 1, (status, err)
    assert "--quiet" in options or "personnummer" in out, "nothing found"
    search.check("scan", out, err)


def error_cases(cases, search, folder, p, capture):
    """What goes wrong names a file, and the file's name holds a number."""
    policy = os.path.join(folder, "canary.yaml")
    gone = os.path.join(folder, "borta " + p.hyphen("missing file"))
    junk = os.path.join(folder, p.twelve("damaged file") + ".pcap")
    cut = os.path.join(folder, f"kapad_{p.twelve('cut file')}.pcap")
    link = os.path.join(folder, f"lank {p.hyphen('link type')}.pcap")
    bad = os.path.join(folder, f"{p.hyphen('bad policy')}.yaml")
    with open(junk, "wb") as f:
        f.write(b"ingen inspelning")
    with open(capture, "rb") as f, open(cut, "wb") as g:
        g.write(f.read()[:5000])
    with open(link, "wb") as f:
        f.write(b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + b"\0\0\x04\0\x93\0\0\0")
    with open(bad, "w") as f:
        f.write(POLICY.replace("canary", p.twelve("policy name"), 1)
                .replace("id: persons", f"id: x{p.twelve('information id')}!")
                .replace("ceiling: K0, over: refuse", f"ceiling: {p.hyphen('ceiling')}"))
    watch = [sluss.SLUSS, "watch"]
    good = ["--policy", policy]
    for name, status, command in [
            ("missing capture", 3, watch + good + ["--pcap", gone]),
            ("junk as a capture", 3, watch + good + ["--pcap", junk]),
            ("cut capture", 0, watch + good + ["--pcap", cut]),
            ("unknown link type", 3, watch + good + ["--pcap", link]),
            ("folder as a capture", 3, watch + good + ["--pcap", folder]),
            ("missing policy", 2, watch + ["--policy", gone, "--pcap", capture]),
            ("bad policy", 2, watch + ["--policy", bad, "--pcap", capture]),
            ("missing site", 2, watch + ["--config", gone]),
            ("bad site", 2, watch + ["--config", bad]),
            ("missing key", 2, watch + good + ["--key", gone, "--pcap", capture]),
            ("bad key", 2, watch + good + ["--key", junk, "--pcap", capture]),
            ("events in no folder", 2, watch + good + ["--pcap", capture, "--events", gone + "/x"]),
            ("unknown option", 2, watch + ["--" + p.hyphen("option")]),
            ("stray word", 2, watch + [p.hyphen("stray word")]),
            ("unknown command", 2, [sluss.SLUSS, p.hyphen("command")]),
            ("workers", 2, watch + ["--workers", p.hyphen("workers"), "--pcap", capture]),
            ("scan: missing", 2, [sluss.SLUSSCTL, "scan", gone]),
            ("scan: missing policy", 2, [sluss.SLUSSCTL, "scan", "--policy", gone, cut]),
            ("scan: bad policy", 2, [sluss.SLUSSCTL, "scan", "--policy", bad, cut]),
            ("scan: missing key", 2, [sluss.SLUSSCTL, "scan", "--key", gone, cut]),
            ("scan: bad key", 2, [sluss.SLUSSCTL, "scan", "--key", junk, cut]),
            ("scan: unknown option", 2, [sluss.SLUSSCTL, "scan", "--" + p.hyphen("option")]),
            ("check: missing", 2, [sluss.SLUSSCTL, "policy", "check", gone]),
            ("check: bad", 2, [sluss.SLUSSCTL, "policy", "check", bad]),
            ("slussctl: command", 2, [sluss.SLUSSCTL, p.hyphen("ctl command")]),
            ("init: no folder", 2, [sluss.SLUSSCTL, "init", "--dir", junk + "/x"]),
    ]:
        cases.run("error: " + name, error_case, search, p, status, command)


def error_case(search, p, status, command):
    got, out, err = run(*command)
    Searcher(p).check("error", out, err)
    assert got == status, f"status {got}, not {status}: {err[-300:]}"


def main():
    cases = sluss.Cases("canary")
    with tempfile.TemporaryDirectory() as folder:
        p = Plants()
        capture = os.path.join(folder, "canary.pcap")
        with open(os.path.join(folder, "canary.yaml"), "w") as f:
            f.write(POLICY)
        make_traffic(capture, p)
        search = Searcher(p)
        cases.run("what is planted is found", found_case, search, folder, capture)
        cases.run("what is planted is found by the search", control_case, search, capture)
        for log in (False, True):
            for options in (["--workers", "1"], ["--workers", "2"], ["--quiet"]):
                name = " ".join(["watch", "messages" if log else "alerts"] + options)
                cases.run(name, watch_case, search, folder, capture, options, log)
        cases.run("watch without a policy, events on standard output", watch_case, search, folder,
                  capture, ["--events", "-", "--log", "messages"], True)
        on_disk = Plants()
        tree = make_tree(folder, on_disk)
        search = Searcher(on_disk)
        policy = os.path.join(folder, "canary.yaml")
        for options in ([], ["--json"], ["--quiet"], ["--policy", policy],
                        ["--policy", policy, "--json"]):
            cases.run(" ".join(["scan"] + options).replace(folder, ""), scan_case, search, tree,
                      options)
        error_cases(cases, search, folder, on_disk, capture)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
