# SPDX-License-Identifier: GPL-3.0-or-later
"""Read captures (pcap, pcapng) without the code under test: frames, and payload of TCP."""

import ipaddress
import struct

ETHER, NULL, RAW, SLL, RAW_OLD, RAW_IPV4 = 1, 0, 101, 113, 12, 228


def _pcap(data):
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        yield link, data[at + 16:at + 16 + size]
        at += 16 + size


def _pcapng(data):
    order, links, at = "<", [], 0
    while at + 12 <= len(data):
        kind = struct.unpack("<I", data[at:at + 4])[0]
        if kind == 0x0A0D0D0A:
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, size = struct.unpack(order + "II", data[at:at + 8])
        if size < 12:
            return
        body = data[at + 8:at + size - 4]
        if kind == 1:
            links.append(struct.unpack(order + "H", body[:2])[0])
        elif kind == 6:
            interface, _, _, kept = struct.unpack(order + "IIII", body[:16])
            yield links[interface], body[20:20 + kept]
        elif kind == 3:
            yield links[0], body[4:]
        at += size


def frames(path):
    """(link type, bytes) of each frame."""
    with open(path, "rb") as f:
        data = f.read()
    return _pcapng(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else _pcap(data)


def _network(link, frame):
    """The IP packet in a frame, or nothing."""
    if link == ETHER or link == SLL:
        at = 12 if link == ETHER else 14
        kind = struct.unpack(">H", frame[at:at + 2])[0] if len(frame) >= at + 2 else 0
        while kind in (0x8100, 0x88A8) and len(frame) >= at + 6:
            at += 4
            kind = struct.unpack(">H", frame[at:at + 2])[0]
        return frame[at + 2:] if kind in (0x0800, 0x86DD) else b""
    return frame[4:] if link == NULL else frame if link in (RAW, RAW_OLD, RAW_IPV4) else b""


def tcp(path):
    """Of each TCP segment: (source, port), (destination, port), sequence number, acknowledged
    number, flags, payload."""
    for link, frame in frames(path):
        ip = _network(link, frame)
        if len(ip) >= 20 and ip[0] >> 4 == 4 and ip[9] == 6:
            at, end = (ip[0] & 15) * 4, struct.unpack(">H", ip[2:4])[0] or len(ip)
            ends = ip[12:16], ip[16:20]
        elif len(ip) >= 40 and ip[0] >> 4 == 6 and ip[6] == 6:
            at, end = 40, 40 + struct.unpack(">H", ip[4:6])[0]
            ends = ip[8:24], ip[24:40]
        else:
            continue
        segment = ip[at:end]
        if len(segment) < 20:
            continue
        ports = struct.unpack(">HH", segment[:4])
        yield ((str(ipaddress.ip_address(ends[0])), ports[0]),
               (str(ipaddress.ip_address(ends[1])), ports[1]),
               *struct.unpack(">II", segment[4:12]), segment[13],
               segment[(segment[12] >> 4) * 4:])


def segments(path):
    """Of each TCP segment: (source, port), (destination, port), flags, payload."""
    for source, destination, _, _, flags, payload in tcp(path):
        yield source, destination, flags, payload


class Streams:
    """The bytes of each direction of each connection, as every segment of a capture has them.

    Each connection must have its own ports. `streams[source, destination]` is a dictionary of
    offset to byte; `conflicts` lists offsets that came with different bytes. Zeros in the
    place of bytes that their receiver had acknowledged are none: it can't read them any more.
    """

    def __init__(self, path):
        first, acked, self.streams, self.conflicts = {}, {}, {}, []
        for source, destination, seq, ack, flags, payload in tcp(path):
            key, back = (source, destination), (destination, source)
            if flags & 2:
                first[key] = seq + 1
                self.streams.setdefault(key, {})
            if flags & 16 and back in first:
                at = (ack - first[back]) & 0xFFFFFFFF
                if at < 1 << 31:
                    acked[back] = max(acked.get(back, 0), at)
            if key not in first or not payload:
                continue
            stream, at = self.streams[key], (seq - first[key]) & 0xFFFFFFFF
            for i, byte in enumerate(payload, at):
                blank = byte == 0 and i < acked.get(key, 0)
                if stream.setdefault(i, byte) != byte and not blank:
                    self.conflicts.append((key, i))

    def prefix(self, key):
        """The bytes from the first on, up to the first that is missing."""
        stream, out = self.streams.get(key, {}), bytearray()
        while len(out) in stream:
            out.append(stream[len(out)])
        return bytes(out)

    def end(self, key):
        """Behind the last byte that was seen anywhere."""
        return max(self.streams.get(key, {}), default=-1) + 1
