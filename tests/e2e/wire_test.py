# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire by itself, without any reading: client - gateway - server, each in a network
namespace, the forwarder of tests/support in the middle. What the client's end sent is
what the server's end got, byte for byte, and the other way round.
"""

import os
import re
import struct
import subprocess
import sys
import time

import netlab
from netlab import run, wait_for

FORWARDER = os.path.join(os.environ["SLUSS_BUILD"], "tests/support/forwarder")
CLIENT, SERVER, CLIENT6, SERVER6 = "10.10.0.5", "10.10.0.9", "2001:db8::5", "2001:db8::9"
TO_SERVER = bytes.fromhex("020000000009" "020000000005")
SEND = """import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for line in sys.stdin:
    try:
        s.send(bytes.fromhex(line))
    except OSError:
        pass
"""


def body(n):
    return bytes(i % 251 for i in range(n))


def special_frames():
    """Frames that a switch would treat in its own way; a wire treats none so."""
    tag, service = bytes.fromhex("8100e02a"), bytes.fromhex("88a80064")
    return [
        TO_SERVER + b"\x08\x06" + body(46),
        TO_SERVER + tag + b"\x08\x00" + body(46),
        TO_SERVER + tag + b"\x08\x00" + body(1500),
        TO_SERVER + bytes.fromhex("81000000") + b"\x08\x00" + body(60),  # priority only
        TO_SERVER + service + b"\x08\x00" + body(46),
        TO_SERVER + service + tag + b"\x08\x00" + body(1000),
        TO_SERVER + tag + tag + b"\x86\xdd" + body(64),
        bytes.fromhex("0180c2000000" "020000000005" "0027") + body(39),  # spanning tree
        bytes.fromhex("0180c200000e" "020000000005" "88cc") + body(50),  # LLDP
        bytes.fromhex("0180c2000001" "020000000005" "8808") + body(46),  # pause
        bytes.fromhex("01005e0000fb" "020000000005" "0800") + body(100),
        TO_SERVER + b"\x90\x00" + body(1),
        TO_SERVER + b"\x08\x00" + body(1500),
        # TTL 1 and a wrong checksum are no business of the wire's.
        TO_SERVER + b"\x08\x00" + bytes.fromhex("4500001c000000000111dead0a0a00050a0a0009") + body(8),
    ]


def frames(path):
    """The frames of a capture by tcpdump."""
    with open(path, "rb") as f:
        data = f.read()
    at, ret = 24, []
    while at + 16 <= len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        ret.append(data[at + 16:at + 16 + n])
        at += 16 + n
    return ret


class Wire(netlab.Lab):
    """A client's end c0 and a server's end s0; g0 and g1 are the gateway's."""

    def _make(self):
        self.gateway_ns = self.client_ns[:-1] + "g"
        for ns in (self.client_ns, self.server_ns, self.gateway_ns):
            run("ip", "netns", "add", ns)
            run("ip", "-n", ns, "link", "set", "lo", "up")
        for end, ns, own, address, address6 in (
                ("c0", self.client_ns, "g0", CLIENT, CLIENT6),
                ("s0", self.server_ns, "g1", SERVER, SERVER6)):
            run("ip", "link", "add", end, "netns", ns, "type", "veth", "peer", "name", own,
                "netns", self.gateway_ns)
            run("ip", "-n", ns, "addr", "add", address + "/24", "dev", end)
            run("ip", "-n", ns, "addr", "add", address6 + "/64", "dev", end, "nodad")
            run("ip", "-n", ns, "link", "set", end, "up")
            self.gateway("sysctl", "-qw", f"net.ipv6.conf.{own}.disable_ipv6=1")
            self.gateway("ip", "link", "set", own, "up")

    def __exit__(self, *exc):
        super().__exit__(*exc)
        subprocess.run(["ip", "netns", "del", self.gateway_ns], stderr=subprocess.DEVNULL,
                       check=False)

    def gateway(self, *args, **kw):
        return run("ip", "netns", "exec", self.gateway_ns, *args, **kw)

    def server(self, *args, **kw):
        return run("ip", "netns", "exec", self.server_ns, *args, **kw)

    def log(self):
        with open(self.path("forwarder.log"), errors="replace") as f:
            return f.read()

    def forward(self, kind):
        open(self.path("forwarder.log"), "w").close()
        p = self.start(self.gateway_ns, FORWARDER, f"{kind}:g0", f"{kind}:g1",
                       log="forwarder.log")
        wait_for(lambda: "forwarding" in self.log(), "the forwarder")
        return p

    def capture(self, ns, dev):
        path = self.path(dev + ".pcap")
        if os.path.exists(path):
            os.unlink(path)
        p = self.start(ns, "tcpdump", "-i", dev, "-s", "0", "-U", "--immediate-mode", "-B",
                       "8192", "-Z", "root", "-w", path)
        wait_for(lambda: os.path.exists(path) and os.path.getsize(path) >= 24, "tcpdump")
        return path, p


def carrier(lab, ns, dev):
    return "LOWER_UP" in run("ip", "-n", ns, "link", "show", dev).split("\n")[0]


def check_bytes(lab, need):
    """Special frames and a real ping: the same at both ends, in the same order."""
    here, a = lab.capture(lab.client_ns, "c0")
    there, b = lab.capture(lab.server_ns, "s0")
    run("ip", "netns", "exec", lab.client_ns, sys.executable, "-c", SEND, "c0",
        input="\n".join(f.hex() for f in special_frames()) + "\n")
    for args in ((CLIENT, SERVER), (CLIENT6, SERVER6)):
        lab.client("ping", "-c", "3", "-i", "0.2", "-W", "1", args[1])
    lab.client("ping", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", "1472", SERVER)
    lab.server("ping", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", "1452", CLIENT6)
    time.sleep(0.5)
    netlab.stop(a)
    netlab.stop(b)
    # The ends' own router solicitations may fall between the start of the two captures.
    sent, got = ([f for f in frames(path) if f[:2] != b"\x33\x33"] for path in (here, there))
    for f in special_frames():
        need(got.count(f) == 1, f"{f[:20].hex()}… of {len(f)} bytes came {got.count(f)} times")
    # Each end sees its own frames when they leave and the other's when they come, so only
    # the order within a direction is the same.
    for side in range(2):
        mac = lab_mac(lab, side)
        need([f for f in sent if f[6:12] == mac] == [f for f in got if f[6:12] == mac],
             f"the frames of {'client' if side == 0 else 'server'} differ")
    need(len(sent) == len(got), f"{len(sent)} frames at one end, {len(got)} at the other")


def lab_mac(lab, side):
    ns, dev = ((lab.client_ns, "c0"), (lab.server_ns, "s0"))[side]
    out = run("ip", "-n", ns, "-o", "link", "show", dev)
    return bytes.fromhex(re.search(r"link/ether (\S+)", out)[1].replace(":", ""))


def check_own_frames(lab, need):
    """What the gateway's own kernel sends by a port doesn't leave at the other."""
    there, p = lab.capture(lab.server_ns, "s0")
    own = TO_SERVER + b"\x88\xb5" + body(60)
    run("ip", "netns", "exec", lab.gateway_ns, sys.executable, "-c", SEND, "g0",
        input=own.hex() + "\n")
    time.sleep(0.5)
    netlab.stop(p)
    need(own not in frames(there), "the gateway's own frame went round")


def check_throughput(lab, need):
    for args in ((), ("-R",), ("-6",)):
        server = lab.serve(5201, "iperf3", "-s", "-1")
        host = SERVER6 if args == ("-6",) else SERVER
        out = lab.client("iperf3", "-c", host, "-t", "2", *args, timeout=30)
        server.wait(timeout=10)
        rate = re.search(r"([\d.]+) ([MG])bits/sec +receiver", out)
        need(rate is not None, f"iperf3 {args}: {out}")
        speed = float(rate[1]) * (1000 if rate[2] == "G" else 1)
        print(f"  iperf3 {' '.join(args) or 'up'}: {speed:.0f} Mbit/s")
        need(speed > 50, f"iperf3 {args}: it stalls ({speed} Mbit/s)")


def check_links(lab, need):
    """Whichever end loses its link, the other does, too; and gets it back."""
    for ns, dev, far_ns, far in ((lab.client_ns, "c0", lab.server_ns, "s0"),
                                 (lab.server_ns, "s0", lab.client_ns, "c0")):
        run("ip", "-n", ns, "link", "set", dev, "down")
        wait_for(lambda: not carrier(lab, far_ns, far), f"{far} goes down with {dev}", 3)
        run("ip", "-n", ns, "link", "set", dev, "up")
        wait_for(lambda: carrier(lab, far_ns, far), f"{far} comes up with {dev}", 3)
        for host, address in ((lab.client_ns, CLIENT6), (lab.server_ns, SERVER6)):
            run("ip", "-n", host, "addr", "replace", address + "/64", "dev",
                "c0" if host == lab.client_ns else "s0", "nodad")
        wait_for(lambda: "1 received" in lab.client("ping", "-c", "1", "-W", "1", SERVER,
                                                    check=False), "a ping after the link", 10)
    # At the end everything that was taken down is given back.
    run("ip", "-n", lab.client_ns, "link", "set", "c0", "down")
    wait_for(lambda: not carrier(lab, lab.server_ns, "s0"), "s0 goes down", 3)
    need("taken down" in lab.log(), "nothing is said of the link")


def flags_of(lab, dev):
    return lab.gateway("ip", "link", "show", dev).split("\n")[0]


def kind(k):
    def check(need):
        with netlab.Hugepages(40), Wire() as lab:
            p = lab.forward(k)
            check_bytes(lab, need)
            if k == "af_packet":
                check_own_frames(lab, need)
            check_throughput(lab, need)
            check_links(lab, need)
            netlab.stop(p)
            need(p.returncode == 0, f"the forwarder ends with {p.returncode}: {lab.log()}")
            run("ip", "-n", lab.client_ns, "link", "set", "c0", "up")
            wait_for(lambda: carrier(lab, lab.server_ns, "s0"), "s0 comes back at the end", 3)
            for dev in ("g0", "g1"):
                need("xdp" not in flags_of(lab, dev), f"{dev} keeps a program")
                need("PROMISC" not in flags_of(lab, dev), f"{dev} stays promiscuous")
            need("Address" not in lab.log() and "runtime error" not in lab.log(), lab.log())
    return check


def refused(lab, need, *expected):
    """The forwarder doesn't start, and says these words."""
    r = subprocess.run(["ip", "netns", "exec", lab.gateway_ns, FORWARDER, "af_packet:g0",
                        "af_packet:g1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=30, check=False)
    need(r.returncode == 2, f"status {r.returncode}: {r.stdout}")
    for word in expected:
        need(word in r.stdout, f"{word!r} isn't said: {r.stdout}")


def start_up(need):
    """What can't be a wire isn't started, and the command that helps is told."""
    with Wire() as lab:
        lab.gateway("ip", "link", "set", "g1", "mtu", "1400")
        refused(lab, need, "1500 and 1400", "ip link set g0 mtu 1400")
        for dev in ("g0", "g1"):
            lab.gateway("ip", "link", "set", dev, "mtu", "9000")
        refused(lab, need, "9000", "1800")
        for dev in ("g0", "g1"):
            lab.gateway("ip", "link", "set", dev, "mtu", "1500")
        lab.gateway("ethtool", "-K", "g0", "gro", "on")
        refused(lab, need, "ethtool -K g0 gro off lro off")
        lab.gateway("ethtool", "-K", "g0", "gro", "off")
        lab.gateway("ip", "link", "set", "g1", "down")
        refused(lab, need, "ip link set g1 up")
        lab.gateway("ip", "link", "set", "g1", "up")
        if lab.gateway("ip", "link", "add", "br0", "type", "bridge", check=False) == "":
            lab.gateway("ip", "link", "set", "g0", "master", "br0")
            lab.gateway("ip", "link", "set", "g1", "master", "br0")
            refused(lab, need, "same bridge", "nomaster")
            lab.gateway("ip", "link", "del", "br0")


def main():
    netlab.need_root()
    failed = 0
    for name, check in (("start-up", start_up), ("af_packet", kind("af_packet")),
                        ("af_xdp", kind("af_xdp"))):
        errors = []
        print(name, flush=True)
        check(lambda ok, what: None if ok else errors.append(what))
        for e in errors:
            print(f"  FAILED {e}")
        failed += len(errors)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
