# SPDX-License-Identifier: GPL-3.0-or-later
"""The refusal's TCP endpoint against the kernel's TCP as the sender.

A real socket in one network namespace connects over a veth pair and sends; at the
other end there is no kernel's TCP but endpoint_peer, on raw frames. The client must
read exactly the words, then the end of the stream, without a reset; and its kernel
must be left with no connection that still waits for something. With and without losses
in both directions, over IPv4 and IPv6, with each set of TCP options, with a closed
window, with keep-alives, with either side closing first. Checksum offload stays on at the
client's end, so the frames come with partial checksums.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

from netlab import CLIENT, CLIENT6, SERVER, SERVER6, need_root, run, stop, wait_for

PEER = os.path.join(os.environ["SLUSS_BUILD"], "tests", "e2e", "endpoint_peer")
TOTAL = 150000
WORDS = "".join(f"554 5.7.1 line {i} of what is said\r\n" for i in range(80)).encode()

# What the client does: see client().
CASES = [
    # name, peer's mode, client's way, total, losses, sysctl
    ("plain", "close", "plain", TOTAL, [0, 23, 11, 7], {}),
    ("plain, IPv6", "close", "plain6", TOTAL, [0, 13], {}),
    ("no time stamps", "close", "plain", TOTAL, [0, 11], {"tcp_timestamps": "0"}),
    ("no SACK", "close", "plain", TOTAL, [0, 11], {"tcp_sack": "0"}),
    ("no window scale", "close", "plain", TOTAL, [0, 11], {"tcp_window_scaling": "0"}),
    ("no options", "close", "plain", TOTAL, [0, 11],
     {"tcp_timestamps": "0", "tcp_sack": "0", "tcp_window_scaling": "0"}),
    ("the client shuts down first", "close", "half", TOTAL, [0, 9, 5], {}),
    ("closed while it sends", "early", "on", TOTAL, [0, 11, 7], {}),
    ("closed before it sends", "first", "on", 5000, [0, 5], {}),
    ("a client that doesn't read for a while", "close", "slow", 20000, [0, 11], {}),
    ("an idle client with keep-alives", "close", "idle", 20000, [0], {}),
    ("one byte", "close", "plain", 1, [0, 4, 3], {}),
    ("reset", "reset", "reset", 20000, [0], {}),
]


def stream(n):
    return bytes((i * 31 + i // 251) & 0xff for i in range(n))


def client(way, total):
    """In the client's namespace: send, read to the end, and say what came."""
    s = socket.socket(socket.AF_INET6 if way == "plain6" else socket.AF_INET)
    s.settimeout(60)
    if way == "slow":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    if way == "idle":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
    s.connect((SERVER6 if way == "plain6" else SERVER, 25))
    error, got = [], b""

    def send():
        data = stream(total)
        try:
            if way == "idle":
                s.sendall(data[:total // 4])
                time.sleep(5)
                s.sendall(data[total // 4:])
            else:
                s.sendall(data)
            if way == "half":
                s.shutdown(socket.SHUT_WR)
        except OSError as e:
            error.append(f"send: {e}")

    sender = threading.Thread(target=send)
    sender.start()
    try:
        if way == "slow":
            time.sleep(4)
        while piece := s.recv(500):
            got += piece
        if way == "on":
            sender.join()
    except OSError as e:
        error.append(type(e).__name__)
    sender.join()
    s.close()
    print(json.dumps({"error": error, "got": got.decode()}))


class Line:
    """A veth pair; only the client's end has addresses."""

    def __enter__(self):
        tag = f"ep{os.getpid()}"
        self.namespaces = (tag + "c", tag + "s")
        self.devices = (tag + "c0", tag + "s0")
        (near, far), (dev, peer) = self.namespaces, self.devices
        for ns in self.namespaces:
            run("ip", "netns", "add", ns)
        run("ip", "link", "add", dev, "netns", near, "type", "veth", "peer", "name", peer,
            "netns", far)
        # Segmentation is switched off, as in front of the gateway; checksums are not.
        run("ip", "netns", "exec", near, "ethtool", "-K", dev, "tso", "off", "gso", "off",
            "gro", "off")
        run("ip", "netns", "exec", far, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        run("ip", "-n", far, "link", "set", peer, "up")
        run("ip", "-n", near, "link", "set", dev, "up")
        mac = json.loads(run("ip", "-n", far, "-j", "link", "show", peer))[0]["address"]
        for own, other, bits, family in ((CLIENT, SERVER, "/32", "-4"),
                                         (CLIENT6, SERVER6, "/128", "-6")):
            nodad = ("nodad",) if family == "-6" else ()
            run("ip", "-n", near, "addr", "add", own + bits, "dev", dev, *nodad)
            run("ip", "-n", near, family, "route", "add", other + bits, "dev", dev)
            run("ip", "-n", near, family, "neigh", "add", other, "lladdr", mac, "dev", dev)
        return self

    def __exit__(self, *exc):
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL, check=False)

    def near(self, *args, **kw):
        return run("ip", "netns", "exec", self.namespaces[0], *args, **kw)

    def leftovers(self):
        """Connections that the client's kernel still works at."""
        out = self.near("ss", "-Htan")
        return [x for x in out.splitlines() if not x.startswith("TIME-WAIT")]


def one(line, words, mode, way, total, drop):
    with tempfile.TemporaryFile("w+") as log:
        peer = subprocess.Popen(
            ["ip", "netns", "exec", line.namespaces[1], PEER, line.devices[1], str(total),
             str(drop), mode, words], stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            def ready():
                log.seek(0)
                return "ready" in log.read() or peer.poll() is not None
            wait_for(ready, "endpoint_peer")
            said = json.loads(line.near(sys.executable, os.path.abspath(__file__), "client", way,
                                        str(total), timeout=90))
            out, _ = peer.communicate(timeout=90)
        finally:
            stop(peer)
            peer.stdout.close()
        log.seek(0)
        return said, json.loads(out) if out else log.read()


def problems(line, mode, way, total, said, seen):
    if mode == "reset":
        return [] if said["error"] == ["ConnectionResetError"] else [said["error"]]
    return [what for what, bad in (
        (f"the client's error: {said['error']}", said["error"]),
        (f"not the words but {said['got'][-80:]!r}", said["got"].encode() != WORDS),
        ("not done", not seen["done"]), ("no FIN", not seen["fin"]),
        ("other bytes", seen["wrong"]), (f"{seen['read']} bytes", seen["read"] != total),
        ("no partial checksum", seen["partial"] == 0),
        (f"{seen['buffers']} buffers", seen["buffers"] != 511),
        (f"left: {line.leftovers()}", line.leftovers())) if bad]


def main():
    need_root()
    failed = 0
    with tempfile.NamedTemporaryFile() as words, Line() as line:
        words.write(WORDS)
        words.flush()
        for name, mode, way, total, losses, sysctl in CASES:
            before = {k: line.near("sysctl", "-n", f"net.ipv4.{k}").strip() for k in sysctl}
            for k, v in sysctl.items():
                line.near("sysctl", "-qw", f"net.ipv4.{k}={v}")
            for drop in losses:
                began = time.monotonic()
                said, seen = one(line, words.name, mode, way, total, drop)
                bad = [str(seen)] if isinstance(seen, str) else \
                    problems(line, mode, way, total, said, seen)
                failed += bool(bad)
                print(f"{'FAIL' if bad else 'ok'}: {name}, "
                      f"{f'one of {drop}' if drop else 'none'} lost, "
                      f"{time.monotonic() - began:.1f} s {'; '.join(map(str, bad))}", flush=True)
            for k, v in before.items():
                line.near("sysctl", "-qw", f"net.ipv4.{k}={v}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["client"]:
        client(sys.argv[2], int(sys.argv[3]))
    else:
        main()
