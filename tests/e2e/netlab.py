# SPDX-License-Identifier: GPL-3.0-or-later
"""Two network namespaces joined by a veth pair, with real servers in one and
real clients in the other. Everything is made here and taken away again.

Needs root. Addresses are those of documentation (RFC 5737, RFC 3849) and of
the example policy's domains; nothing leaves the namespaces.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

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

    def record(self, name="lab.pcap"):
        """Start recording at the client's end."""
        path = self.path(name)
        p = self.start(self.client_ns, "tcpdump", "-i", self.client_if, "-s", "0", "-U", "--immediate-mode",
                       "-B", "16384", "-Z", "root", "-w", path)
        wait_for(lambda: os.path.exists(path) and os.path.getsize(path) >= 24, "tcpdump")
        return path, p


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
