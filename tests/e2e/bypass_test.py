#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`sluss run` and deploy/sluss-bypass between two hosts: a killed process, the kernel's
bridge in its place, and back, on a ping that goes on all the time.

Usage: bypass_test.py PROGRAM. PROGRAM is sluss, or sluss with a worker that forwards
everything and inspects nothing: this is about what stands around the workers. Needs root;
adds hugepages of its own.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import netlab  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1))
BYPASS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy",
                      "sluss-bypass")
EXAMPLE = os.path.join(os.path.dirname(BYPASS), "..", "policy", "examples", "default.yaml")
SITE = """
pairs: [["af_packet:gw0", "af_packet:gw1"]]
limits: {flows: 1024, inspect_memory: 1 MiB, packet_buffers: 16384, tcp_segments: 256,
         fragment_datagrams: 64, ndpi_flows: 64, watchdog: 10000}
events: {file: events.jsonl}
"""
# Sends, or waits for, one frame to LLDP's address.
SEND = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
s.send(bytes.fromhex(sys.argv[2] + "020000000001") + b"\\x88\\xb5" + b"sluss" * 10)
"""
RECEIVE = """
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
s.settimeout(10)
print("ready", flush=True)
until = time.monotonic() + 10
while time.monotonic() < until:
    if s.recv(2048)[:6] == bytes.fromhex(sys.argv[2]):
        sys.exit(0)
sys.exit(1)
"""


class Bypass(unittest.TestCase):
    def setUp(self):
        tag = f"by{os.getpid()}"
        self.names = {end: tag + end for end in ("client", "gw", "server")}
        self.folder = tempfile.mkdtemp(prefix="sluss-bypass-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.sluss = None
        for ns in self.names.values():
            netlab.run("ip", "netns", "add", ns)
            self.addCleanup(netlab.run, "ip", "netns", "del", ns, check=False)
        self.addCleanup(self.end_sluss)
        for end, port, address in (("client", "gw0", "192.0.2.1"), ("server", "gw1", "192.0.2.2")):
            netlab.run("ip", "link", "add", "eth0", "netns", self.names[end], "type", "veth",
                       "peer", "name", port, "netns", self.names["gw"])
            for ns, dev in ((end, "eth0"), ("gw", port)):
                self.exec(ns, "sysctl", "-qw", f"net.ipv6.conf.{dev}.disable_ipv6=1")
                self.exec(ns, "ethtool", "-K", dev, "tx", "off", "tso", "off", "gso", "off",
                          "gro", "off")
                self.exec(ns, "ip", "link", "set", dev, "up")
            self.exec(end, "ip", "addr", "add", address + "/24", "dev", "eth0")
        with open(os.path.join(self.folder, "site.yaml"), "w") as f:
            f.write(SITE)

    def exec(self, end, *args, **kw):
        return netlab.run("ip", "netns", "exec", self.names[end], *args, **kw)

    def bypass(self, command, check=True):
        return self.exec("gw", "sh", BYPASS, command, "gw0", "gw1", check=check).strip()

    def log(self):
        with open(os.path.join(self.folder, "log"), errors="replace") as f:
            return f.read()

    def start_sluss(self, *args):
        with open(os.path.join(self.folder, "log"), "w") as log:
            self.sluss = subprocess.Popen(
                ["ip", "netns", "exec", self.names["gw"], PROGRAM, "run", "--config",
                 os.path.join(self.folder, "site.yaml"), *args],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        netlab.wait_for(lambda: "standing between" in self.log() or self.sluss.poll() is not None,
                        "sluss run")
        self.assertIsNone(self.sluss.poll(), self.log())
        # The kernel takes a moment to bring links of its own up.
        netlab.wait_for(lambda: self.ping(count=1) == 1, "the first ping")

    def end_sluss(self, sig=signal.SIGTERM):
        """Its status; that of a kill is negative."""
        return None if self.sluss is None else netlab.stop(self.sluss, sig)

    def ping(self, count=20, interval="0.02"):
        """Pings that got an answer."""
        out = self.exec("client", "ping", "-n", "-c", str(count), "-i", interval, "-W", "1",
                        "192.0.2.2", check=False)
        return int(re.search(r"(\d+) received", out).group(1))

    def steady(self):
        return subprocess.Popen(["ip", "netns", "exec", self.names["client"], "ping", "-n", "-i",
                                 "0.01", "192.0.2.2"], stdout=subprocess.PIPE, text=True)

    def assert_no_loss(self, ping):
        time.sleep(0.3)
        ping.send_signal(signal.SIGINT)
        out = ping.communicate(timeout=20)[0]
        sent = int(re.search(r"(\d+) packets transmitted", out).group(1))
        got = {int(n) for n in re.findall(r"icmp_seq=(\d+)", out)}
        self.assertGreater(len(got), 20, out[-400:])
        # The last are still under way, and the more the busier the machine is.
        self.assertEqual(sorted(set(range(1, max(got))) - got), [], out[-400:])
        self.assertGreater(max(got), sent - 50, out[-400:])

    def crosses(self, destination):
        p = subprocess.Popen(["ip", "netns", "exec", self.names["server"], sys.executable, "-c",
                              RECEIVE, "eth0", destination], stdout=subprocess.PIPE, text=True)
        p.stdout.readline()
        self.exec("client", sys.executable, "-c", SEND, "eth0", destination)
        status = p.wait(timeout=20)
        p.stdout.close()
        return status == 0

    def test_killed(self):
        self.start_sluss()
        self.assertEqual(self.ping(), 20, self.log())
        self.assertEqual(self.bypass("status", check=False), "gw0 gw1: down")
        self.assertEqual(self.end_sluss(signal.SIGKILL), -signal.SIGKILL)
        self.assertEqual(self.ping(count=3), 0)
        self.bypass("up")
        self.bypass("up")
        self.assertEqual(self.bypass("status"), "gw0 gw1: up")
        self.assertEqual(self.ping(), 20)
        self.assertTrue(self.crosses("0180c200000e"), "LLDP")
        self.assertTrue(self.crosses("0180c2000000"), "STP")
        self.assertEqual(self.exec("gw", "ip", "-o", "addr", "show", "type", "bridge").strip(), "")
        # Back again, while a ping goes on.
        ping = self.steady()
        self.start_sluss()
        self.bypass("down")
        self.assertEqual(self.bypass("status", check=False), "gw0 gw1: down")
        self.bypass("down")
        self.assert_no_loss(ping)
        self.assertTrue(self.crosses("0180c200000e"), "LLDP")

    def test_planned_stop(self):
        self.start_sluss()
        ping = self.steady()
        time.sleep(0.5)
        self.bypass("up")
        self.assertEqual(self.end_sluss(), 0, self.log())
        self.assert_no_loss(ping)
        self.assertIn("Between the ports", self.log())

    def test_link_that_was_taken_down(self):
        """A killed sluss may leave an interface down, since its partner's link was gone."""
        self.exec("gw", "ip", "link", "set", "gw1", "down")
        self.bypass("up")
        self.assertEqual(self.ping(), 20)

    def test_reload(self):
        policy = os.path.join(self.folder, "policy.yaml")
        shutil.copy(EXAMPLE, policy)
        self.start_sluss("--policy", policy)
        ping = self.steady()
        self.sluss.send_signal(signal.SIGHUP)
        netlab.wait_for(lambda: "is in force" in self.log(), "the new policy")
        os.unlink(policy)
        self.sluss.send_signal(signal.SIGHUP)
        netlab.wait_for(lambda: "the running one stays" in self.log(), "the wrong policy")
        self.sluss.send_signal(signal.SIGUSR1)
        netlab.wait_for(lambda: "Between the ports" in self.log(), "the summary")
        self.assert_no_loss(ping)
        self.assertEqual(self.end_sluss(), 0, self.log())

    def test_another_bridge(self):
        """An interface that serves something else is left alone."""
        self.exec("gw", "ip", "link", "add", "other", "type", "bridge")
        self.exec("gw", "ip", "link", "set", "gw1", "master", "other")
        self.assertIn("belongs to other", self.bypass("up", check=False))
        self.assertEqual(self.bypass("status", check=False), "gw0 gw1: down")


if __name__ == "__main__":
    netlab.need_root()
    with netlab.Hugepages(128):
        unittest.main(verbosity=1)
