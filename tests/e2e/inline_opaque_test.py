# SPDX-License-Identifier: GPL-3.0-or-later
"""Inline: what can't be read, and protocols without words. Where the policy
refuses opaque bytes, TLS gets an alert and the close, and QUIC nothing; elsewhere
both pass. An SNI names the destination. Unknown TCP protocols are reset both ways,
datagrams are dropped.
"""

import os
import random
import socket
import ssl
import struct
import sys
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives import hmac

import inline
import netlab
from inline import need
from postfix import make_certificate

sys.path.insert(0, os.path.join(inline.sluss.ROOT, "tests", "support"))
import capture  # noqa: E402

TLS_PORTS = (443, 8443)


# ---- QUIC (RFC 9000, RFC 9001) ----

def expand(secret, label, length):
    """HKDF-Expand-Label (RFC 8446, 7.1)."""
    info = struct.pack("!HB", length, 6 + len(label)) + b"tls13 " + label + b"\0"
    return HKDFExpand(SHA256(), length, info).derive(secret)


def client_hello(name):
    """A ClientHello as TLS records, by OpenSSL."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def quic_initial(name):
    """A client's Initial packet with a ClientHello in a CRYPTO frame, protected as in
    RFC 9001, 5.2 and 5.4, padded to 1,200 bytes."""
    dcid = bytes(range(1, 9))
    mac = hmac.HMAC(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), SHA256())
    mac.update(dcid)
    secret = expand(mac.finalize(), b"client in", 32)
    key, iv, hp = (expand(secret, label, n) for label, n in
                   ((b"quic key", 16), (b"quic iv", 12), (b"quic hp", 16)))
    hello = client_hello(name)[5:]
    crypto = b"\x06\x00" + struct.pack("!H", 0x4000 | len(hello)) + hello
    size = 1200 - 1 - 4 - 1 - 8 - 1 - 1 - 2  # what the length field counts
    number = struct.pack("!I", 2)
    head = (b"\xc3" + b"\0\0\0\1" + bytes([8]) + dcid + b"\0" + b"\0" +
            struct.pack("!H", 0x4000 | size) + number)
    nonce = iv[:8] + bytes(a ^ b for a, b in zip(iv[8:], number))
    sealed = AESGCM(key).encrypt(nonce, crypto.ljust(size - 4 - 16, b"\0"), head)
    mask = Cipher(algorithms.AES(hp), modes.ECB()).encryptor().update(sealed[:16])
    first = bytes([head[0] ^ (mask[0] & 15)])
    return first + head[1:-4] + bytes(a ^ b for a, b in zip(number, mask[1:])) + sealed


# ---- parts that run inside ----

def send_datagrams(address, port, datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, port))
        for d in datagrams:
            s.send(d)
            time.sleep(0.002)


def send_tcp(address, port, pieces, pause=0.002):
    """(what came back, how it ended)"""
    with socket.socket() as s:
        s.settimeout(5)
        s.connect((address, port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        got = b""
        try:
            for p in pieces:
                s.sendall(p)
                time.sleep(pause)
            while more := s.recv(65536):
                got += more
            return got, "closed"
        except (ConnectionResetError, BrokenPipeError):
            return got, "reset"
        except socket.timeout:
            return got, "timeout"


# A server for both: it keeps what comes, by the client's port, and echoes it.
KEEPER = """
import os, socket, sys, threading
folder, port = sys.argv[1], int(sys.argv[2])
def keep(name, data):
    with open(os.path.join(folder, name), "ab") as f:
        f.write(data)
def serve(c, who):
    keep(f"tcp-{port}-{who}", b"")
    try:
        while data := c.recv(65536):
            keep(f"tcp-{port}-{who}", data)
            c.sendall(data)
        keep(f"tcp-{port}-{who}.end", b"closed")
    except OSError as e:
        keep(f"tcp-{port}-{who}.end", type(e).__name__.encode())
    c.close()
def datagrams():
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("0.0.0.0", port))
    while True:
        data, who = u.recvfrom(65536)
        keep(f"udp-{port}", data + b"\\n--\\n")
threading.Thread(target=datagrams, daemon=True).start()
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", port))
s.listen(64)
while True:
    c, who = s.accept()
    threading.Thread(target=serve, args=(c, who[1]), daemon=True).start()
"""


class Opaque:
    def __init__(self, t):
        self.t, self.lab = t, t.lab
        os.makedirs(self.kept(""))

    def kept(self, name):
        return self.lab.path("kept/" + name)

    def all_kept(self, prefix):
        return b"".join(inline.read(self.kept(n)) for n in sorted(os.listdir(self.kept("")))
                        if n.startswith(prefix))

    def start(self):
        """TLS on two ports, keepers on three."""
        make_certificate(self.lab.dir, "leverantor.example")
        script = self.lab.file("keeper.py", KEEPER)
        for port in TLS_PORTS:
            self.lab.serve(port, "openssl", "s_server", "-accept", str(port), "-cert",
                           self.lab.path("cert.pem"), "-key", self.lab.path("key.pem"), "-www",
                           log=f"tls{port}.log")
        for port in (7000, 5514, 4433):
            self.lab.serve(port, "/usr/bin/python3", script, self.kept(""), str(port),
                           log=f"keeper{port}.log")

    def handshake(self, address, port, name):
        return self.lab.client("openssl", "s_client", "-connect", f"{address}:{port}", "-servername",
                               name, "-msg", check=False, stdin=inline.netlab.subprocess.DEVNULL)


def opaque_event(t, address, seconds=10):
    def hits():
        return [e for e in t.events() if e["sluss"].get("verdict") == "refuse"
                and e.get("destination", {}).get("ip") == address]
    netlab.wait_for(hits, f"the event of what is opaque for {address}", seconds)
    e = hits()[-1]
    need(e["event"]["action"] == "refuse", inline.json.dumps(e))
    return e


# ---- clean ----

def tls_passes(t, o, port):
    out = t.lab.client("curl", "-sS", "--fail", "-k", "--max-time", "20", "--connect-to",
                       f"ovrigt.example:{port}:{netlab.SERVER}:{port}", "-o", "/dev/null", "-w",
                       "%{http_code}", f"https://ovrigt.example:{port}/")
    need(out == "200", out)


def datagrams_pass(t, o):
    rng = random.Random(4)
    sent = [rng.randbytes(rng.randrange(1, 1400)).hex().encode()[:1400] for _ in range(200)]
    t.lab.inside(t.lab.client_ns, send_datagrams, netlab.SERVER, 5514, sent)
    wanted = b"".join(d + b"\n--\n" for d in sent)
    netlab.wait_for(lambda: o.all_kept("udp-5514") == wanted, "two hundred datagrams", 5)


def fragments_pass(t, o):
    """Datagrams larger than a frame: fragments leave as fragments."""
    before = o.all_kept("udp-5514")
    data = random.Random(5).randbytes(3000).hex().encode()
    t.lab.inside(t.lab.client_ns, send_datagrams, netlab.SERVER, 5514, [data])
    netlab.wait_for(lambda: o.all_kept("udp-5514") == before + data + b"\n--\n", "a datagram", 5)


def tcp_passes(t, o):
    data = random.Random(6).randbytes(300_000)
    got, end = t.lab.inside(t.lab.client_ns, send_tcp_and_shut, netlab.SERVER, 7000, data)
    need((got, end) == (data, "closed"), f"{len(got)} bytes, {end}")


def send_tcp_and_shut(address, port, data):
    with socket.socket() as s:
        s.settimeout(10)
        s.connect((address, port))
        got = b""
        for i in range(0, len(data), 50_000):
            s.sendall(data[i:i + 50_000])
            while len(got) < min(len(data), i + 50_000):
                got += s.recv(65536)
        s.shutdown(socket.SHUT_WR)
        more = s.recv(65536)
        return got + more, "closed"


def quic_passes(t, o):
    packet = quic_initial("ovrigt.example")
    need(len(packet) == 1200, "an Initial's length")
    t.lab.inside(t.lab.client_ns, send_datagrams, netlab.SERVER, 4433, [packet])
    netlab.wait_for(lambda: packet in o.all_kept("udp-4433"), "the Initial", 5)


# ---- refused ----

def tls_refused(t, o, address, port, name):
    """The alert access_denied (49), then the close; nothing reached the server."""
    path, recorder = t.lab.record_server(f"tls-{address}-{port}-{name}.pcap", f"tcp port {port}")
    out = o.handshake(address, port, name)
    netlab.wait_for(lambda: netlab.settled(path), "recording")
    netlab.stop(recorder)
    need("access denied" in out.lower() or "access_denied" in out.lower(), out)
    left = [s for s in capture.segments(path) if s[1][1] == port and s[3]]
    need(not left, f"{sum(len(s[3]) for s in left)} bytes of the ClientHello left")
    opaque_event(t, address)


def tls_by_curl(t, o):
    out = t.lab.client("curl", "-sS", "-k", "--max-time", "20", f"https://{netlab.CLOSED}/",
                       check=False)
    need("access denied" in out, out)


def sni_in_pieces(t, o):
    """The name is cut at every byte: no piece of it opens the way."""
    hello = client_hello("sluten.example")
    name = hello.index(b"sluten.example")
    for cut in range(name - 1, name + 15):
        got, end = t.lab.inside(t.lab.client_ns, send_tcp, netlab.SERVER, 443,
                                [hello[:cut], hello[cut:]])
        need(got[:1] == b"\x15" and got[5:7] == b"\x02\x31", f"cut {cut}: {got[:20]!r} {end}")
        need(end == "closed", f"cut {cut}: {end}")


def quic_dropped(t, o):
    packet = quic_initial("sluten.example")
    before = len(o.all_kept("udp-4433"))
    t.lab.inside(t.lab.client_ns, send_datagrams, netlab.CLOSED, 4433, [packet] * 3)
    time.sleep(0.5)
    need(len(o.all_kept("udp-4433")) == before, "a QUIC packet came through")


def unknown_tcp(t, o):
    """No words fit: both sides are reset, and the server has no list."""
    numbers = t.persons.take(3)
    before = set(os.listdir(o.kept("")))
    text = b"hej hej\n" * 20 + inline.table(numbers) + b"slut\n" * 50
    got, end = t.lab.inside(t.lab.client_ns, send_tcp, netlab.SERVER, 7000,
                            [text[i:i + 40] for i in range(0, len(text), 40)])
    need(end == "reset", f"{got!r} {end}")

    def ended():
        return [n for n in set(os.listdir(o.kept(""))) - before if n.endswith(".end")]
    netlab.wait_for(ended, "the end of the server's connection", 5)
    need(inline.read(o.kept(ended()[0])) == b"ConnectionResetError", "the server isn't reset")
    need(inline.persons_in(o.all_kept("tcp-7000"), numbers) < 3, "the server has the list")


def datagram(t, o):
    numbers = t.persons.take(3)
    t.lab.inside(t.lab.client_ns, send_datagrams, netlab.SERVER, 5514,
                 [b"<13>app: " + inline.table(numbers)])
    time.sleep(0.5)
    need(inline.persons_in(o.all_kept("udp-5514"), numbers) == 0, "the datagram came through")


def fragments(t, o):
    """A list that lies in two fragments of a datagram."""
    numbers = t.persons.take(3)
    rows = inline.table(numbers)
    data = b"x" * (1480 - 8 - len(rows) // 2) + b"\n" + rows + b"y" * 500
    t.lab.inside(t.lab.client_ns, send_datagrams, netlab.SERVER, 5514, [data])
    time.sleep(0.5)
    need(inline.persons_in(o.all_kept("udp-5514"), numbers) == 0, "the datagram came through")


def cases(t):
    o = Opaque(t)
    o.start()
    t.start()
    for port in TLS_PORTS:
        t.clean(f"TLS passes on {port}", tls_passes, o, port)
    for f in (datagrams_pass, fragments_pass, tcp_passes, quic_passes):
        t.clean(f.__name__, f, o)
    for port in TLS_PORTS:
        t.refused(f"TLS by address on {port}", tls_refused, o, netlab.CLOSED, port, "ovrigt.example")
        t.refused(f"TLS by name on {port}", tls_refused, o, netlab.SERVER, port, "sluten.example")
    for f in (tls_by_curl, sni_in_pieces, quic_dropped, unknown_tcp, datagram, fragments):
        t.refused(f.__name__, f, o)


sys.exit(inline.on_each_kind("inline-opaque", cases))
