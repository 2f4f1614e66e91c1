# SPDX-License-Identifier: GPL-3.0-or-later
"""Write captures: Ethernet, IPv4/IPv6, TCP and UDP conversations into a pcap file.

For corpora and tests that need traffic with a known content and a fixed order.
Real clients and servers are used elsewhere (tests/e2e); here every byte is ours.

    with Capture("out.pcap") as cap:
        tcp = Tcp(cap, "10.10.0.5", 40112, "192.0.2.9", 25)
        tcp.open()
        tcp.server(b"220 mx.example\r\n")
        tcp.client(b"EHLO a\r\n")
        tcp.close()
"""

import ipaddress
import random
import struct

MSS = 1460


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Capture:
    """A pcap file of Ethernet frames; time goes on by `step` seconds a frame."""

    def __init__(self, path, start=1_774_000_000.0, step=0.0005):
        self.file = open(path, "wb")
        self.now = start
        self.step = step
        self.frames = 0
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()

    def frame(self, data):
        micros = round(self.now * 1_000_000)
        self.file.write(struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000,
                                    len(data), len(data)))
        self.file.write(data)
        self.now += self.step
        self.frames += 1


def ip_packet(src, dst, protocol, payload, ident=0, ttl=64):
    """An Ethernet frame with an IPv4 or IPv6 packet; `payload` begins with the
    transport header, whose checksum field is zero and gets filled in."""
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    pseudo = a.packed + b.packed + struct.pack("!II", len(payload), protocol)
    at = {6: 16, 17: 6}.get(protocol)
    if at is not None:
        payload = payload[:at] + struct.pack("!H", checksum(pseudo + payload)) + payload[at + 2:]
    if a.version == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0x4000, ttl,
                           protocol, 0, a.packed, b.packed)
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        ethertype = 0x0800
    else:
        head = struct.pack("!IHBB", 0x60000000, len(payload), protocol, ttl) + a.packed + b.packed
        ethertype = 0x86DD
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + struct.pack("!H", ethertype) + head + payload


class Cut:
    """How a conversation's data is cut into segments, and in what order they come.

    sizes       one length, or (least, most): random lengths
    window      so many segments behind one another are shuffled; 1: in order
    duplicates  share of segments that come twice, the second time later
    The seed decides all that is random.
    """

    def __init__(self, sizes=MSS, window=1, duplicates=0.0, seed=1):
        self.sizes, self.window, self.duplicates = sizes, window, duplicates
        self.random = random.Random(seed)

    def pieces(self, length):
        """Pairs of (begin, end) that cover `length` bytes, in the order of sending."""
        bounds, at = [], 0
        while at < length:
            size = self.sizes if isinstance(self.sizes, int) else self.random.randint(*self.sizes)
            bounds.append((at, min(at + size, length)))
            at += size
        order = []
        for i in range(0, len(bounds), self.window):
            group = bounds[i:i + self.window]
            if self.duplicates:
                group += [b for b in group if self.random.random() < self.duplicates]
            if self.window > 1:
                self.random.shuffle(group)
            order += group
        return order


class Tcp:
    """One connection: whole handshake, acknowledged segments, orderly end.

    `mss` is a number of bytes, or a Cut.
    """

    FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

    def __init__(self, cap, client, client_port, server, server_port, mss=MSS,
                 client_seq=1000, server_seq=5000):
        self.cap = cap
        self.ends = ((client, client_port), (server, server_port))
        self.seq = [client_seq, server_seq]
        self.cut = mss if isinstance(mss, Cut) else Cut(mss)

    def segment(self, side, flags, data=b"", seq=None):
        """Send one segment from side 0 (client) or 1; sequence numbers go on."""
        (src, sport), (dst, dport) = self.ends[side], self.ends[1 - side]
        number = self.seq[side] if seq is None else seq
        ack = self.seq[1 - side] if flags & self.ACK else 0
        head = struct.pack("!HHIIBBHHH", sport, dport, number & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                           0x50, flags, 65535, 0, 0)
        self.cap.frame(ip_packet(src, dst, 6, head + data))
        if seq is None:
            self.seq[side] += len(data) + bool(flags & (self.SYN | self.FIN))

    def open(self):
        self.segment(0, self.SYN)
        self.segment(1, self.SYN | self.ACK)
        self.segment(0, self.ACK)

    def send(self, side, data):
        first = self.seq[side]
        for i, (begin, end) in enumerate(self.cut.pieces(len(data))):
            self.segment(side, self.ACK | self.PSH, data[begin:end], seq=first + begin)
            if i % 2 and self.cut.window == 1:
                self.seq[side] = first + end
                self.segment(1 - side, self.ACK)
        self.seq[side] = first + len(data)
        self.segment(1 - side, self.ACK)

    def client(self, data):
        self.send(0, data)

    def server(self, data):
        self.send(1, data)

    def close(self):
        self.segment(0, self.FIN | self.ACK)
        self.segment(1, self.FIN | self.ACK)
        self.segment(0, self.ACK)


def udp(cap, src, sport, dst, dport, data):
    cap.frame(ip_packet(src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data))


def smtp(cap, client, port, server, sender, recipients, mail, server_port=25, mss=MSS):
    """A whole SMTP session with one mail (bytes with CRLF lines, not yet dot-stuffed)."""
    tcp = Tcp(cap, client, port, server, server_port, mss)
    tcp.open()
    tcp.server(b"220 mx.example ESMTP\r\n")
    tcp.client(b"EHLO client.example\r\n")
    tcp.server(b"250-mx.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
    tcp.client(b"MAIL FROM:<%s>\r\n" % sender.encode())
    tcp.server(b"250 2.1.0 Ok\r\n")
    for r in recipients:
        tcp.client(b"RCPT TO:<%s>\r\n" % r.encode())
        tcp.server(b"250 2.1.5 Ok\r\n")
    tcp.client(b"DATA\r\n")
    tcp.server(b"354 End data with <CR><LF>.<CR><LF>\r\n")
    stuffed = mail.replace(b"\r\n.", b"\r\n..")
    tcp.client((b"." if stuffed.startswith(b".") else b"") + stuffed + b"\r\n.\r\n")
    tcp.server(b"250 2.0.0 Ok: queued\r\n")
    tcp.client(b"QUIT\r\n")
    tcp.server(b"221 2.0.0 Bye\r\n")
    tcp.close()


def http_put(cap, client, port, server, host, path, body, content_type, method="PUT",
             server_port=80, mss=MSS, extra=""):
    """One HTTP/1.1 upload."""
    tcp = Tcp(cap, client, port, server, server_port, mss)
    tcp.open()
    tcp.client((f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\n"
                f"Content-Length: {len(body)}\r\n{extra}\r\n").encode() + body)
    tcp.server(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    tcp.close()


def ftp_stor(cap, client, port, server, name, data, server_port=21, data_port=41002, mss=MSS):
    """An FTP session that uploads one file over a passive data connection."""
    ctl = Tcp(cap, client, port, server, server_port)
    ctl.open()
    ctl.server(b"220 FTP server ready.\r\n")
    for command, reply in ((b"USER demo", b"331 Please specify the password."),
                           (b"PASS demo", b"230 Login successful."),
                           (b"TYPE I", b"200 Switching to Binary mode.")):
        ctl.client(command + b"\r\n")
        ctl.server(reply + b"\r\n")
    ctl.client(b"PASV\r\n")
    ctl.server(b"227 Entering Passive Mode (%s,%d,%d).\r\n" % (
        server.replace(".", ",").encode(), data_port >> 8, data_port & 255))
    tcp = Tcp(cap, client, port + 1, server, data_port, mss)
    tcp.open()
    ctl.client(b"STOR " + name.encode() + b"\r\n")
    ctl.server(b"150 Ok to send data.\r\n")
    tcp.client(data)
    tcp.close()
    ctl.server(b"226 Transfer complete.\r\n")
    ctl.client(b"QUIT\r\n")
    ctl.server(b"221 Goodbye.\r\n")
    ctl.close()
