# SPDX-License-Identifier: GPL-3.0-or-later
"""Two network namespaces joined by a veth pair, with real servers in one and
real clients in the other; or three, with the gateway between them. Everything
is made here and taken away again.

Needs root. Addresses are those of documentation (RFC 5737, RFC 3849) and of
the example policy's domains; nothing leaves the namespaces.
"""

import ctypes
import errno
import fcntl
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

CLIENT, SERVER = "10.10.0.5", "192.0.2.9"
CLIENT6, SERVER6 = "2001:db8:10::5", "2001:db8:20::9"


def run(*args, check=True, timeout=60, **kw):
    """A command to its end; its output as text."""
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=timeout, **kw)
    if check and p.returncode != 0:
        raise RuntimeError(f"{' '.join(args)}: status {p.returncode}\n{p.stdout}")
    return p.stdout


class Lab:
    """with Lab() as lab: lab.client("curl", …); lab.serve("nginx", …)"""

    def __init__(self):
        tag = f"sl{os.getpid()}"
        self.client_ns, self.server_ns = tag + "c", tag + "s"
        self.client_if, self.server_if = tag + "c0", tag + "s0"
        self.dir = tempfile.mkdtemp(prefix="sluss-lab-")
        os.chmod(self.dir, 0o755)
        self.processes = []
        self.endings = []  # called at the end, the last one first

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self):
        for ns in (self.client_ns, self.server_ns):
            run("ip", "netns", "add", ns)
            run("ip", "-n", ns, "link", "set", "lo", "up")
        run("ip", "link", "add", self.client_if, "netns", self.client_ns, "type", "veth",
            "peer", "name", self.server_if, "netns", self.server_ns)
        for ns, dev, own, own6, far, far6 in (
                (self.client_ns, self.client_if, CLIENT, CLIENT6, SERVER, SERVER6),
                (self.server_ns, self.server_if, SERVER, SERVER6, CLIENT, CLIENT6)):
            run("ip", "netns", "exec", ns, "ethtool", "-K", dev, "tx", "off", "rx", "off",
                "tso", "off", "gso", "off", "gro", "off")
            run("ip", "-n", ns, "addr", "add", own + "/32", "dev", dev)
            run("ip", "-n", ns, "addr", "add", own6 + "/128", "dev", dev, "nodad")
            run("ip", "-n", ns, "link", "set", dev, "up")
            run("ip", "-n", ns, "route", "add", far + "/32", "dev", dev)
            run("ip", "-n", ns, "-6", "route", "add", far6 + "/128", "dev", dev)

    def __exit__(self, *exc):
        for end in reversed(self.endings):
            end()
        for p in reversed(self.processes):
            stop(p)
        for ns in (self.client_ns, self.server_ns):
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def file(self, name, content, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    def client(self, *args, **kw):
        return run("ip", "netns", "exec", self.client_ns, *args, **kw)

    def server(self, *args, **kw):
        return run("ip", "netns", "exec", self.server_ns, *args, **kw)

    def start(self, ns, *args, log=None):
        """A process that goes on until stop() or the end of the lab."""
        out = open(self.path(log or os.path.basename(args[0]) + ".log"), "ab")
        p = subprocess.Popen(["ip", "netns", "exec", ns, *args], stdout=out, stderr=out,
                             stdin=subprocess.DEVNULL, start_new_session=True)
        self.processes.append(p)
        return p

    def serve(self, port, *args, log=None):
        """Start a server and wait until it listens."""
        p = self.start(self.server_ns, *args, log=log)
        for _ in range(200):
            listening = run("ip", "netns", "exec", self.server_ns, "ss", "-Hltn",
                            f"sport = :{port}")
            if listening.strip():
                return p
            if p.poll() is not None:
                break
            time.sleep(0.05)
        name = log or os.path.basename(args[0]) + ".log"
        with open(self.path(name), errors="replace") as f:
            raise RuntimeError(f"{args[0]} does not listen on {port}\n{f.read()}")

    def record(self, name="lab.pcap", ns=None, dev=None, expression=""):
        """Start recording, at the client's end where nothing else is said."""
        path = self.path(name)
        p = self.start(ns or self.client_ns, "tcpdump", "-i", dev or self.client_if, "-s", "0", "-U",
                       "--immediate-mode", "-B", "16384", "-Z", "root", "-w", path, expression)
        wait_for(lambda: os.path.exists(path) and os.path.getsize(path) >= 24, "tcpdump")
        return path, p

    def inside(self, ns, function, *args):
        """What function(*args) returns when a process runs it in the namespace."""
        return inside(ns, function, *args)


# Further addresses of the server, for pairs that the policy treats otherwise.
SHADOWED, EXEMPT, CLOSED = "198.51.100.9", "203.0.113.9", "198.18.0.9"


class InlineLab(Lab):
    """Three namespaces, client - gateway - server, on two veth pairs. The client and the
    server are neighbours, as through a cable; until a gateway runs nothing passes.

    kind         of the gateway's two ports: "af_packet" or "af_xdp"
    tx_checksum  the peers leave checksums to their network card, which on a veth means
                 that frames come with a partial one
    """

    def __init__(self, kind="af_packet", tx_checksum=False):
        super().__init__()
        tag = self.client_ns[:-1]
        self.kind, self.tx_checksum = kind, tx_checksum
        self.gateway_ns = tag + "g"
        self.near_if, self.far_if = tag + "g0", tag + "g1"

    def _make(self):
        for ns in (self.client_ns, self.gateway_ns, self.server_ns):
            run("ip", "netns", "add", ns)
            run("ip", "-n", ns, "link", "set", "lo", "up")
            # Nothing that a kernel says by itself is to stand in the recordings.
            self.sysctl(ns, "net.ipv6.conf.default.router_solicitations", 0)
        self.sysctl(self.gateway_ns, "net.ipv6.conf.default.disable_ipv6", 1)
        for ns, dev, port in ((self.client_ns, self.client_if, self.near_if),
                              (self.server_ns, self.server_if, self.far_if)):
            run("ip", "link", "add", dev, "netns", ns, "type", "veth", "peer", "name", port,
                "netns", self.gateway_ns)
            tx = "on" if self.tx_checksum else "off"
            run("ip", "netns", "exec", ns, "ethtool", "-K", dev, "tx", tx, "rx", tx,
                "tso", "off", "gso", "off", "gro", "off")
            run("ip", "netns", "exec", self.gateway_ns, "ethtool", "-K", port, "tx", "off",
                "rx", "off", "tso", "off", "gso", "off", "gro", "off")
            run("ip", "-n", self.gateway_ns, "link", "set", port, "up")
        self._address(self.client_ns, self.client_if, [CLIENT], CLIENT6,
                      [SERVER, SHADOWED, EXEMPT, CLOSED], SERVER6)
        self._address(self.server_ns, self.server_if, [SERVER, SHADOWED, EXEMPT, CLOSED], SERVER6,
                      [CLIENT], CLIENT6)

    @staticmethod
    def _address(ns, dev, own, own6, far, far6):
        for address in own:
            run("ip", "-n", ns, "addr", "add", address + "/32", "dev", dev)
        run("ip", "-n", ns, "addr", "add", own6 + "/128", "dev", dev, "nodad")
        run("ip", "-n", ns, "link", "set", dev, "up")
        for address in far:
            run("ip", "-n", ns, "route", "add", address + "/32", "dev", dev, "src", own[0])
        run("ip", "-n", ns, "-6", "route", "add", far6 + "/128", "dev", dev)

    @staticmethod
    def sysctl(ns, key, value):
        run("ip", "netns", "exec", ns, "sysctl", "-qw", f"{key}={value}")

    def __exit__(self, *exc):
        super().__exit__(*exc)
        subprocess.run(["ip", "netns", "del", self.gateway_ns], stderr=subprocess.DEVNULL,
                       check=False)

    def bridge(self):
        """A gateway that reads nothing: the kernel's bridge."""
        run("ip", "-n", self.gateway_ns, "link", "add", "br0", "type", "bridge", "stp_state", "0",
            "forward_delay", "0", "mcast_snooping", "0")
        for port in (self.near_if, self.far_if):
            run("ip", "-n", self.gateway_ns, "link", "set", port, "master", "br0")
        run("ip", "-n", self.gateway_ns, "link", "set", "br0", "up")
        self.wait_until_it_forwards()

    def ports(self):
        """The pair as a site configuration names it."""
        return f'["{self.kind}:{self.near_if}", "{self.kind}:{self.far_if}"]'

    def gateway(self, *command, log="sluss.log"):
        """Start the gateway program, and wait until it forwards."""
        p = self.start(self.gateway_ns, *command, log=log)
        try:
            self.wait_until_it_forwards(p)
        except RuntimeError as e:
            with open(self.path(log), errors="replace") as f:
                raise RuntimeError(f"{e}\n{f.read()}") from None
        return p

    def wait_until_it_forwards(self, p=None, seconds=60):
        def answers(address):
            return inside(self.client_ns, refuses, address)

        for address in (SERVER, SERVER6):
            wait_for(lambda a=address: (p is not None and p.poll() is not None) or answers(a),
                     "a way through the gateway", seconds)
        if p is not None and p.poll() is not None:
            raise RuntimeError(f"the gateway ended with status {p.returncode}")

    def record_server(self, name="server.pcap", expression=""):
        """Start recording at the server's end: what left the gateway, and what it got back."""
        return self.record(name, self.server_ns, self.server_if, expression)


class Hugepages:
    """n hugepages of 2 MiB more while the test runs, beside those of others."""

    PATH = "/proc/sys/vm/nr_hugepages"

    def __init__(self, n):
        self.n = n

    def __enter__(self):
        before, after = self._add(self.n)
        if after < before + self.n:
            self._add(before - after)
            raise RuntimeError(f"the kernel has no room for {self.n} hugepages")

    def __exit__(self, *exc):
        self._add(-self.n)

    def _add(self, n):
        """How many there were, and are. Another test may do the same at this moment."""
        with open(self.PATH, "r+") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            before = int(f.read())
            f.seek(0)
            f.write(f"{max(0, before + n)}\n")
            f.flush()
            f.seek(0)
            return before, int(f.read())


def inside(ns, function, *args):
    """Run function(*args) in a process of its own in a network namespace; what it returns, or
    raises, is returned, or raised, here. Both must be picklable."""
    back, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(back)
        try:
            enter(ns)
            answer = (True, function(*args))
        except BaseException:  # noqa: BLE001 - the parent raises it
            answer = (False, traceback.format_exc())
        with os.fdopen(there, "wb") as f:
            f.write(pickle.dumps(answer))
        os._exit(0)
    os.close(there)
    with os.fdopen(back, "rb") as f:
        data = f.read()
    os.waitpid(pid, 0)
    good, answer = pickle.loads(data)
    if not good:
        raise RuntimeError(f"in {ns}:\n{answer}")
    return answer


def refuses(address, port=9):
    """Does a host answer that nobody listens there? So there is a way to it and back."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(0.3)
        try:
            return s.connect_ex((address, port)) == errno.ECONNREFUSED
        except socket.timeout:
            return False


def enter(ns):
    """This process goes into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{ns}", "rb") as f:
        if libc.setns(f.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "setns")


_sizes = {}


def settled(path):
    """Has the file stopped growing since the last call?"""
    size = os.path.getsize(path)
    same = size == _sizes.get(path)
    _sizes[path] = size
    return same and size > 24


def wait_for(true, what, seconds=20):
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{what}: not there after {seconds} s")


def stop(p, sig=signal.SIGTERM):
    """End a process by its pid, and wait for it."""
    if p.poll() is None:
        p.send_signal(sig)
        try:
            p.wait(timeout=10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait(timeout=10)
    return p.returncode


def need_root():
    if os.geteuid() != 0:
        print("this test makes network namespaces: run it as root", file=sys.stderr)
        sys.exit(1)
    # Whoever ends a test that takes too long wants its namespaces gone as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
