# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers over bad links: loss, delay, reordering, duplication, and all of them, on the
client's side of the gateway or on the server's; through exempt, shadowed and enforced pairs,
both ways, all at once.

What arrives is what was sent (SHA-256 at both ends), and no transfer stands still for ten
seconds. How fast they are is printed beside the same transfers through the plain forwarder of
tests/support, and isn't judged here: perf/inline_bench.py measures that.

The effects are those of tc-netem(8), made by tests/support/impair: not every kernel has netem,
and impair repeats a run by its seed.
"""

import argparse
import hashlib
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time

import inline
import netlab
import sluss
from inline import need
from netlab import run, wait_for

SUPPORT = os.path.join(sluss.BUILD, "tests/support")
STALL = 10  # seconds without a byte
PAIRS = {"exempt": netlab.EXEMPT, "shadow": netlab.SHADOWED, "enforce": netlab.SERVER}
LINKS = {
    "none": [],
    "loss": ["--loss", "1"],
    "delay": ["--delay", "20", "--jitter", "0.3"],
    "reorder": ["--delay", "4", "--reorder", "25"],
    "duplicate": ["--duplicate", "5"],
    "all": ["--loss", "1", "--delay", "10", "--jitter", "1", "--reorder", "5", "--duplicate", "5"],
}
CONTROL = b"cubic"


class BadLab(netlab.InlineLab):
    """One of the two cables is made of two halves, and a program between them."""

    def __init__(self, kind, side):
        super().__init__(kind)
        self.side = side
        self.link = None

    def _make(self):
        """The gateway's port on that side is called as before, but ends in the namespace of
        the peer, where the program is; what was the peer's port there is its other end."""
        super()._make()
        ns, dev, port = ((self.client_ns, self.client_if, self.near_if) if self.side == "near"
                         else (self.server_ns, self.server_if, self.far_if))
        self.link_ns = self.client_ns[:-1] + "w"
        run("ip", "netns", "add", self.link_ns)
        self.sysctl(self.link_ns, "net.ipv6.conf.all.disable_ipv6", 1)
        self.sysctl(self.link_ns, "net.ipv6.conf.default.disable_ipv6", 1)
        # The peer's cable now ends here, and another one leads to the gateway.
        run("ip", "-n", self.gateway_ns, "link", "set", port, "netns", self.link_ns)
        run("ip", "-n", self.link_ns, "link", "set", port, "name", "near")
        run("ip", "link", "add", "far", "netns", self.link_ns, "type", "veth", "peer", "name",
            port, "netns", self.gateway_ns)
        for where, name in ((self.link_ns, "near"), (self.link_ns, "far"),
                            (self.gateway_ns, port)):
            run("ip", "netns", "exec", where, "ethtool", "-K", name, "tx", "off", "rx", "off",
                "tso", "off", "gso", "off", "gro", "off")
            run("ip", "-n", where, "link", "set", name, "up")
        for where in (self.client_ns, self.server_ns):
            self.sysctl(where, "net.ipv4.tcp_no_metrics_save", 1)
        self.impair([])

    def __exit__(self, *exc):
        super().__exit__(*exc)
        subprocess.run(["ip", "netns", "del", self.link_ns], stderr=subprocess.DEVNULL,
                       check=False)

    def impair(self, options):
        """From now on the link is so."""
        if self.link is not None:
            netlab.stop(self.link)
        path = self.path("impair.log")
        open(path, "w").close()
        self.link = self.start(self.link_ns, os.path.join(SUPPORT, "impair"), *options, "near",
                               "far", log="impair.log")
        wait_for(lambda: "ready" in inline.read(path).decode() or self.link.poll() is not None,
                 "impair")
        need(self.link.poll() is None, f"impair: {inline.read(path).decode()}")


# ---- one transfer ----

def chunks(n, seed):
    """The transfer's bytes: random by the seed, and no text."""
    left, state = n, hashlib.sha512(seed.encode())
    while left > 0:
        state.update(b"x")
        block = state.digest() * 16  # 1 KiB
        yield block[:left]
        left -= len(block)


def send(s, data):
    """@return the longest time in which not a byte could be sent"""
    view, worst, last = memoryview(data), 0.0, time.monotonic()
    s.setblocking(False)
    while view:
        _, ready, _ = select.select([], [s], [], STALL)
        now = time.monotonic()
        worst, last = max(worst, now - last), now
        if not ready:
            raise RuntimeError(f"no byte sent for {STALL} s, {len(view)} left")
        view = view[s.send(view[:65536]):]
    s.setblocking(True)
    s.shutdown(socket.SHUT_WR)
    return worst


def receive(s, n):
    """@return digest, and the longest time in which nothing came"""
    digest, got, worst = hashlib.sha256(), 0, 0.0
    s.settimeout(STALL)
    while True:
        since = time.monotonic()
        try:
            b = s.recv(65536)
        except socket.timeout:
            raise RuntimeError(f"no byte came for {STALL} s, {got} of {n} did") from None
        worst = max(worst, time.monotonic() - since)
        if not b:
            break
        digest.update(b)
        got += len(b)
    if got != n:
        raise RuntimeError(f"{got} bytes of {n} came")
    return digest.hexdigest(), worst


def tell(s):
    """What the kernel counted for a connection's sender (struct tcp_info)."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return {"retrans": int.from_bytes(info[100:104], sys.byteorder)}


def new_socket():
    """With a congestion control that takes loss for what it is, whatever the machine prefers."""
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONTROL)
    s.settimeout(STALL)
    return s


def listen(ns):
    """A socket that listens in a namespace: made here, so that nobody has to wait for it."""
    def there():
        netlab.enter(ns)
        s = new_socket()
        s.bind(("0.0.0.0", 0))
        s.listen(8)
        return "socket", s

    return in_threads(1, lambda i: there())["socket"]


def server(listening, up, data):
    """One connection for each pair of domains."""
    return in_threads(len(PAIRS), lambda i: serve_one(listening.accept()[0], up, data))


def serve_one(s, up, data):
    with s:
        name = s.getsockname()[0]
        if up:
            digest, worst = receive(s, len(data))
            s.sendall(b"!")
            return name, {"digest": digest, "worst": worst}
        worst = send(s, data)
        s.settimeout(2 * STALL)
        s.recv(1)
        return name, {"worst": worst, **tell(s)}


def client(port, up, data):
    return in_threads(len(PAIRS), lambda i: connect_one(list(PAIRS.values())[i], port, up, data))


def connect_one(address, port, up, data):
    with new_socket() as s:
        s.connect((address, port))
        began = time.monotonic()
        if up:
            worst = send(s, data)
            s.settimeout(2 * STALL)
            s.recv(1)
            ret = {"worst": worst, **tell(s)}
        else:
            digest, worst = receive(s, len(data))
            s.sendall(b"!")
            ret = {"digest": digest, "worst": worst}
        ret["seconds"] = time.monotonic() - began
        return address, ret


def in_threads(n, function):
    """{key: value} of what function(i), i < n, return all at once; or raises."""
    ret, bad = {}, []

    def one(i):
        try:
            key, value = function(i)
            ret[key] = value
        except Exception as e:  # noqa: BLE001 - raised below
            bad.append(repr(e))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if bad:
        raise RuntimeError("; ".join(bad))
    return ret


def transfers(lab, up, n):
    """One to each pair's address at once. @return {pair: (Mbit/s, longest pause, retransmitted)}"""
    data = b"".join(chunks(n, "up" if up else "down"))
    right = hashlib.sha256(data).hexdigest()
    there = {}
    listening = listen(lab.server_ns)
    port = listening.getsockname()[1]

    def serve():
        try:
            there.update(netlab.inside(lab.server_ns, server, listening, up, data))
        except RuntimeError as e:
            there["error"] = str(e)

    t = threading.Thread(target=serve)
    t.start()
    try:
        here = netlab.inside(lab.client_ns, client, port, up, data)
    except RuntimeError as e:
        here = {"error": str(e)}
    t.join()
    listening.close()
    need("error" not in here and "error" not in there,
         f"{here.get('error', '')}\n{there.get('error', '')}")
    ret = {}
    for pair, address in PAIRS.items():
        sent, got = (here, there) if up else (there, here)
        need(got[address]["digest"] == right, f"{pair}: what came isn't what was sent")
        worst = max(here[address]["worst"], there[address]["worst"])
        need(worst < STALL, f"{pair}: it stood still for {worst:.1f} s")
        ret[pair] = (n * 8e-6 / here[address]["seconds"], worst, sent[address]["retrans"])
    return ret


# ---- the cases ----

def measure(lab, links, n):
    """{(link, direction): {pair: …}}"""
    ret = {}
    for link in links:
        lab.impair(LINKS[link])
        for direction in ("up", "down"):
            ret[link, direction] = transfers(lab, direction == "up", n)
    lab.impair([])
    return ret


def forwarder(lab):
    p = lab.start(lab.gateway_ns, os.path.join(SUPPORT, "forwarder"),
                  f"{lab.kind}:{lab.near_if}", f"{lab.kind}:{lab.far_if}", log="forwarder.log")
    lab.wait_until_it_forwards(p)
    return p


def beside(t, lab, side, links, n):
    """The gateway first, then the plain forwarder in its place."""
    p = forwarder(lab)
    plain = measure(lab, links, n)
    netlab.stop(p)
    t.start()
    for link in links:
        t.clean(f"{side}: {link}", one_link, lab, side, link, n, plain)
    if lab.kind == "af_packet":
        t.clean(f"{side}: iperf3", iperf3_through, lab)
    t.clean("the gateway stops", lambda t: t.stop())


def one_link(t, lab, side, link, n, plain):
    for (_, direction), pairs in measure(lab, [link], n).items():
        before = plain[link, direction]
        mean = sum(v[0] for v in before.values()) / len(before)
        print(f"  {lab.kind} {side:4} {link:9} {direction:4} plain {mean:7.1f} Mbit/s"
              f" {max(v[1] for v in before.values()):4.1f} s"
              f" {sum(v[2] for v in before.values()) // len(before):4} again |", end="")
        for pair, (rate, worst, again) in pairs.items():
            print(f" {pair} {rate:6.1f} = {rate / mean:4.2f} {worst:3.1f} s {again:4} again", end="")
        print(flush=True)


def iperf3(lab, address, *args):
    """Mbit/s that came."""
    server_end = lab.serve(5201, "iperf3", "-s", "-1")
    out = lab.client("iperf3", "-c", address, "-t", "1", "-C", CONTROL.decode(), *args, timeout=30)
    server_end.wait(timeout=10)
    rate = re.search(r"([\d.]+) ([KMG])bits/sec +receiver", out)
    need(rate is not None, f"iperf3 {args}: {out}")
    return float(rate[1]) * {"K": 0.001, "M": 1, "G": 1000}[rate[2]]


def iperf3_through(t, lab):
    lab.impair(LINKS["all"])
    for pair, address in PAIRS.items():
        rates = [iperf3(lab, address, *args) for args in ((), ("-R",))]
        print(f"  {lab.kind} iperf3, all: {pair} {rates[0]:.1f} up, {rates[1]:.1f} down, Mbit/s")
        need(min(rates) > 0, "iperf3 got nothing")


def main():
    netlab.need_root()
    p = argparse.ArgumentParser()
    p.add_argument("--kind", action="append")
    p.add_argument("--side", action="append")
    p.add_argument("--link", action="append")
    p.add_argument("--bytes", type=int, default=1 << 20)
    a = p.parse_args()
    status = 0
    for kind in a.kind or ("af_packet", "af_xdp"):
        for side in a.side or ("near", "far"):
            links = a.link or (LINKS if kind == "af_packet" else ["none", "all"])
            with netlab.Hugepages(inline.HUGEPAGES), BadLab(kind, side) as lab:
                t = inline.Inline(f"netem {kind} {side}", lab)
                beside(t, lab, side, links, a.bytes)
                status |= t.cases.end()
    sys.exit(status)


if __name__ == "__main__":
    main()
