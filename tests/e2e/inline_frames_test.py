# SPDX-License-Identifier: GPL-3.0-or-later
"""Inline: the frame that completes a violation doesn't leave, whatever an upload
is cut into. Every cut around three identifiers, by the kernel's TCP; then
segments out of order, twice, and again with other bytes, by a TCP of our own.
Both ends are recorded: what was sent, and what came out of the gateway.
"""

import concurrent.futures
import random
import socket
import sys
import time

import inline
import netlab
import raw_tcp
import uploads
from inline import need

sys.path.insert(0, inline.os.path.join(inline.sluss.ROOT, "tests", "support"))
import capture  # noqa: E402

PAUSES = (0.003, 0.8)  # shorter, and longer than limits.settle_pause


def request(name, numbers):
    """An upload, and where in it the third number is complete: behind its last digit."""
    body = b"namn;nummer\r\n" + inline.table(numbers) + b"slut\r\n" + b"bara ord\r\n" * 30
    head = (f"PUT /upload/{name} HTTP/1.1\r\nHost: leverantor.example\r\n"
            f"Content-Type: text/csv\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    last = identifiers_end(head + body, numbers[2])
    return head + body, last


def identifiers_end(data, number):
    form = inline.shown(number)[1].encode()
    return data.index(form) + len(form)


def send(pieces, pause, port):
    """By the kernel, each piece a segment. The answer, and how it ended."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((netlab.CLIENT, port))
        s.settimeout(10)
        s.connect((netlab.SERVER, 80))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b""
        try:
            for i, piece in enumerate(pieces):
                if i:
                    time.sleep(pause)
                s.sendall(piece)
            while more := s.recv(65536):
                answer += more
        except (ConnectionResetError, BrokenPipeError):
            answer += b" reset"
        except socket.timeout:
            answer += b" timeout"
        return port, answer


def send_all(jobs, together):
    with concurrent.futures.ThreadPoolExecutor(together) as pool:
        return dict(pool.map(lambda j: send(*j), jobs))


class Uploads:
    """Uploads of one kind, each on a port of its own, recorded at both ends."""

    def __init__(self, t, name, address):
        self.t, self.address, self.truth = t, address, {}
        self.paths = t.lab.path(name + "-client.pcap"), t.lab.path(name + "-server.pcap")
        self.recorders = (t.lab.record(name + "-client.pcap", expression="tcp port 80")[1],
                          t.lab.record_server(name + "-server.pcap", "tcp port 80")[1])

    def add(self, port):
        numbers = self.t.persons.take(3)
        data, end = request(f"p{port}.csv", numbers)
        self.truth[port] = data, end
        return data, end

    def stop(self):
        for path in self.paths:
            netlab.wait_for(lambda p=path: netlab.settled(p), "recording")
        for p in self.recorders:
            netlab.stop(p)
        return [capture.Streams(p) for p in self.paths]

    def check(self, answers, changed=False):
        sent, left = self.stop()
        need(not left.conflicts, f"bytes that left twice and differ: {left.conflicts[:3]}")
        for port, (data, end) in self.truth.items():
            key = ((self.address, port), (netlab.SERVER, 80))
            need(sent.end(key) >= end, f"port {port}: the list was never sent")
            need(left.end(key) < end, f"port {port}: {left.end(key)} bytes left, the list ends at {end}")
            if not changed:
                need(data.startswith(left.prefix(key)), f"port {port}: other bytes left")
            name = f"www/upload/p{port}.csv"
            need(not inline.os.path.exists(self.t.lab.path(name)), f"nginx has {name}")
            answer = answers[port].decode("latin-1")
            need(answer.startswith("HTTP/1.1 403 "), f"port {port}: {answer!r}")
            if answer.endswith(" timeout"):
                need(False, f"port {port}: the refusal doesn't close")
            if not changed:
                self.t.refusal(answer, "web", persons=3)


def every_cut(t):
    """Two segments, cut at every byte from before the header's end to behind the list."""
    u, jobs = Uploads(t, "cuts", netlab.CLIENT), []
    data, end = request("p10000.csv", t.persons.take(3))
    for cut in range(data.index(b"\r\n\r\n") - 2, end + 6):
        port = 10000 + cut
        data, _ = u.add(port)
        jobs.append(([data[:cut], data[cut:]], PAUSES[0], port))
    u.check(t.lab.inside(t.lab.client_ns, send_all, jobs, 4))


def cuts_and_pauses(t):
    """Around the third number, with a pause in which what waits is decided."""
    u, jobs = Uploads(t, "pauses", netlab.CLIENT), []
    _, end = request("p12000.csv", t.persons.take(3))
    for cut in range(end - 15, end + 4):
        port = 12000 + cut
        data, _ = u.add(port)
        jobs.append(([data[:cut], data[cut:]], PAUSES[1], port))
    u.check(t.lab.inside(t.lab.client_ns, send_all, jobs, 20))


def byte_by_byte(t):
    u, jobs = Uploads(t, "bytes", netlab.CLIENT), []
    for port in range(14000, 14004):
        data, _ = u.add(port)
        jobs.append(([data[i:i + 1] for i in range(len(data))], 0.0005, port))
    u.check(t.lab.inside(t.lab.client_ns, send_all, jobs, 4))


def schedules(seed, data):
    """Segments as (offset, bytes, spoilt): in some order, some twice, some with other bytes."""
    rng = random.Random(seed)
    cuts = sorted(rng.sample(range(1, len(data)), rng.randrange(2, 20)))
    pieces = [(a, data[a:b], False) for a, b in zip([0] + cuts, cuts + [len(data)])]
    out = []
    for i in range(0, len(pieces), 5):
        group = pieces[i:i + 5]
        rng.shuffle(group)
        out += group
    for _ in range(rng.randrange(4)):
        out.insert(rng.randrange(len(out)), rng.choice(pieces))
    for _ in range(rng.randrange(4)):  # again, or before, with other bytes
        at, piece, _ = rng.choice(pieces)
        out.insert(rng.randrange(len(out)), (at, bytes(b ^ 1 for b in piece), rng.random() < 0.5))
    return out


def raw_upload(dev, mac, port, segments, length):
    """One schedule; then all is sent again, in order, until it is answered or acknowledged."""
    tcp = raw_tcp.RawTcp(dev, mac, netlab.SERVER, 80, port)
    try:
        tcp.open()
        for at, piece, spoilt in segments:
            tcp.segment(at, piece, spoil=spoilt)
        tcp.listen(0.05)
        original = [s for s in segments if not s[2]]
        for _ in range(8):
            if tcp.reset or tcp.fin or tcp.acked >= length:
                break
            for at, piece, _ in original:
                tcp.segment(at, piece)
            tcp.listen(0.1, lambda: tcp.reset or tcp.fin)
        tcp.listen(1.5, lambda: tcp.reset or tcp.fin)
        if tcp.fin:
            tcp.segment(tcp.acked, flags=raw_tcp.FIN | raw_tcp.ACK)
        return tcp.answer() + (b" reset" if tcp.reset else b"")
    finally:
        tcp.close()


def raw_uploads(dev, mac, jobs):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return dict(pool.map(lambda j: (j[0], raw_upload(dev, mac, *j)), jobs))


def out_of_order(t):
    """In any order, some twice; what comes with a wrong checksum isn't read by anybody."""
    u, jobs = Uploads(t, "order", raw_tcp.ADDRESS), []
    for port in range(16000, 16040):
        data, _ = u.add(port)
        segments = [s for s in schedules(port, data)
                    if s[2] or data[s[0]:s[0] + len(s[1])] == s[1]]
        jobs.append((port, segments, len(data)))
    u.check(t.lab.inside(t.lab.client_ns, raw_uploads, t.lab.client_if, raw_tcp.mac_of(t.lab), jobs))


def other_bytes(t):
    """Segments that come twice with different bytes: one reading leaves, or nothing, and the
    server never has the list."""
    u, jobs = Uploads(t, "other", raw_tcp.ADDRESS), []
    for port in range(18000, 18060):
        data, _ = u.add(port)
        jobs.append((port, schedules(port, data), len(data)))
    t.lab.inside(t.lab.client_ns, raw_uploads, t.lab.client_if, raw_tcp.mac_of(t.lab), jobs)
    _, left = u.stop()
    need(not left.conflicts, f"bytes that left twice and differ: {left.conflicts[:3]}")
    for port, (data, end) in u.truth.items():
        key = ((raw_tcp.ADDRESS, port), (netlab.SERVER, 80))
        came = left.prefix(key)
        need(came[:end] != data[:end], f"port {port}: the list left")
        stored = t.lab.path(f"www/upload/p{port}.csv")
        if inline.os.path.exists(stored):
            need(inline.read(stored) != data[-len(inline.read(stored)):], f"nginx has p{port}.csv")
    need(any('"sluss.evasion"' in line for line in t.event_text().splitlines()),
         "no event tells of segments that contradict each other")


def clean_out_of_order(t):
    """The same schedules without a list arrive whole."""
    jobs, truth = [], {}
    for port in range(20000, 20030):
        body = random.Random(port).randbytes(600).hex().encode()
        data = (f"PUT /upload/c{port}.bin HTTP/1.1\r\nHost: leverantor.example\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        truth[port] = body
        segments = [s for s in schedules(port, data)
                    if s[2] or data[s[0]:s[0] + len(s[1])] == s[1]]
        jobs.append((port, segments, len(data)))
    answers = t.lab.inside(t.lab.client_ns, raw_uploads, t.lab.client_if, raw_tcp.mac_of(t.lab),
                           jobs)
    for port, body in truth.items():
        need(b"HTTP/1.1 201" in answers[port], f"port {port}: {answers[port]!r}")
        need(inline.read(t.lab.path(f"www/upload/c{port}.bin")) == body, f"port {port}: changed")


def cases(t):
    uploads.web_folders(t.lab)
    nginx = uploads.NGINX.format(dir=t.lab.dir, address="0.0.0.0").replace(
        "worker_connections 64", "worker_connections 512; accept_mutex off")
    t.lab.serve(80, "nginx", "-c", t.lab.file("nginx.conf", nginx), "-p", t.lab.dir)
    raw_tcp.introduce(t.lab)
    t.start()
    t.clean("clean, out of order", clean_out_of_order)
    for f in (every_cut, cuts_and_pauses, byte_by_byte, out_of_order, other_bytes):
        t.refused(f.__name__, f)


sys.exit(inline.on_each_kind("inline-frames", cases))
