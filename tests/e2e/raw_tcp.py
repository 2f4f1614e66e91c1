# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP client that sends the segments it is told to: out of order, twice, with
other bytes, with a wrong checksum. It has an address that no kernel has, so that
none answers for it; the other side is a kernel. To be run in the client's namespace.
"""

import ipaddress
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import wire  # noqa: E402

ADDRESS, MAC = "10.10.0.66", "02:00:00:00:00:66"
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def introduce(lab):
    """Tell the server where the address is."""
    lab.server("ip", "route", "replace", ADDRESS + "/32", "dev", lab.server_if)
    lab.server("ip", "neigh", "replace", ADDRESS, "lladdr", MAC, "dev", lab.server_if, "nud",
               "permanent")


def mac_of(lab):
    return lab.server("cat", f"/sys/class/net/{lab.server_if}/address").strip()


class RawTcp:
    def __init__(self, dev, server_mac, server, server_port, port, isn=1000):
        self.ends = (ADDRESS, port), (server, server_port)
        self.macs = bytes.fromhex((server_mac + MAC).replace(":", ""))
        self.isn, self.peer, self.ack = isn, None, 0
        self.got, self.reset, self.fin, self.acked = {}, False, False, 0
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.bind((dev, 0x0800))
        self.wanted = (ipaddress.ip_address(server).packed + ipaddress.ip_address(ADDRESS).packed,
                       struct.pack("!HH", server_port, port))

    def close(self):
        self.socket.close()

    def segment(self, at, data=b"", flags=ACK | PSH, spoil=False, ttl=64, urgent=0):
        """A segment `at` bytes behind the stream's first; spoil: with a wrong checksum."""
        (src, sport), (dst, dport) = self.ends
        seq = (self.isn + 1 + at) & 0xFFFFFFFF
        head = struct.pack("!HHIIBBHHH", sport, dport, seq, self.ack if flags & ACK else 0, 0x50,
                           flags, 65535, 0, urgent)
        frame = self.macs + wire.ip_packet(src, dst, 6, head + data, ttl=ttl)[12:]
        if spoil:
            frame = frame[:50] + bytes([frame[50] ^ 0x55]) + frame[51:]
        self.socket.send(frame)

    def open(self):
        for _ in range(5):
            self.segment(-1, flags=SYN)
            if self.listen(0.5, lambda: self.peer is not None):
                self.segment(0, flags=ACK)
                return
        raise RuntimeError("no answer to the SYN")

    def listen(self, seconds, until=lambda: False):
        """Read what comes, acknowledge it, until the time or the condition is there."""
        end = time.monotonic() + seconds
        while not until():
            left = end - time.monotonic()
            if left <= 0:
                return until()
            self.socket.settimeout(left)
            try:
                frame = self.socket.recv(4096)
            except socket.timeout:
                return until()
            self._take(frame)
        return True

    def _take(self, frame):
        ip = frame[14:]
        if len(ip) < 40 or ip[9] != 6 or ip[12:20] != self.wanted[0]:
            return
        tcp = ip[(ip[0] & 15) * 4:struct.unpack("!H", ip[2:4])[0]]
        if tcp[:4] != self.wanted[1]:
            return
        seq, ack = struct.unpack("!II", tcp[4:12])
        data = tcp[(tcp[12] >> 4) * 4:]
        if tcp[13] & RST:
            self.reset = True
            return
        if tcp[13] & SYN:
            self.peer, self.ack = seq, (seq + 1) & 0xFFFFFFFF
            return
        self.acked = (ack - self.isn - 1) & 0xFFFFFFFF
        if self.peer is not None and (data or tcp[13] & FIN):
            at = (seq - self.peer - 1) & 0xFFFFFFFF
            for i, b in enumerate(data):
                self.got[at + i] = b
            self.ack = (self.peer + 1 + len(self.answer())) & 0xFFFFFFFF
            if tcp[13] & FIN and self.ack == (seq + len(data)) & 0xFFFFFFFF:
                self.fin = True
                self.ack = (self.ack + 1) & 0xFFFFFFFF
            self.segment(self.acked, flags=ACK)

    def answer(self):
        out = bytearray()
        while len(out) in self.got:
            out.append(self.got[len(out)])
        return bytes(out)
