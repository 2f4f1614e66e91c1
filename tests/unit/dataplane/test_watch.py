#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program around the inspectors: exit statuses, messages, nothing half-written.

Usage: test_watch.py PROGRAM. PROGRAM has doubles for worker and policy; the
worker writes one event for each packet.
"""

import fcntl
import gzip
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

PROGRAM = sys.argv.pop(1)
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")


def capture(packets, link=1, cut=0):
    """A pcap file of frames that hold no IP (ethertype 0x88b5, for experiments)."""
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    for i in range(packets):
        frame = b"\x02" * 12 + b"\x88\xb5" + bytes(46)
        data += struct.pack("<IIII", 1700000000, i, len(frame), len(frame)) + frame
    return data[: len(data) - cut]


def bad_checksums(packets):
    """UDP over IPv4 with a checksum that is wrong."""
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
    for i in range(packets):
        packet = bytes([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2])
        total = sum(struct.unpack("!10H", packet))
        total = (total & 0xFFFF) + (total >> 16)
        packet = packet[:10] + struct.pack("!H", 0xFFFF - total) + packet[12:]
        packet += struct.pack("!HHHH", 5000, 5001, 12, 1) + b"abcd"
        data += struct.pack("<IIII", 1700000000, i, len(packet), len(packet)) + packet
    return data


def wait_until_it_reads(p, seconds=60):
    """Until it catches signals, has read all of its input, and waits for more."""
    caught = 1 << (signal.SIGUSR1 - 1) | 1 << (signal.SIGTERM - 1)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
            mask = next(int(line.split()[1], 16) for line in f if line.startswith("SigCgt"))
        unread = fcntl.ioctl(p.stdin, termios.FIONREAD, b"\0" * 4)
        if mask & caught == caught and unread == b"\0" * 4:
            time.sleep(0.2)
            return
        time.sleep(0.02)
    raise RuntimeError(f"it did not read its input within {seconds} s")


class Watch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, data=None):
        path = os.path.join(self.folder, name)
        if data is not None:
            with open(path, "wb") as out:
                out.write(data if isinstance(data, bytes) else data.encode())
        return path

    def run_it(self, *args, **more):
        env = dict(os.environ)
        env.pop("SLUSS_KEY", None)
        return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60,
                              env=env, **more)

    def watch(self, *args, **more):
        return self.run_it("watch", *args, **more)

    def test_events_to_a_file(self):
        for workers in "1", "2":
            events = self.path("events" + workers)
            r = self.watch("--pcap", self.path("a.pcap", capture(100)), "--events", events,
                           "--workers", workers)
            self.assertEqual((r.returncode, r.stderr.count("ERROR")), (0, 0), r.stderr)
            with open(events) as lines:
                self.assertEqual(len(lines.readlines()), 100)
            self.assertEqual(os.stat(events).st_mode & 0o777, 0o600)
            self.assertIn("Received", r.stdout)
            self.assertLessEqual(max(map(len, r.stdout.splitlines())), 80)

    def test_events_to_standard_output(self):
        r = self.watch("--pcap", self.path("a.pcap", capture(3)), "--events", "-")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(len(r.stdout.splitlines()), 3)
        self.assertTrue(all(line.startswith("{") for line in r.stdout.splitlines()))
        self.assertIn("Received", r.stderr)

    def test_events_are_appended(self):
        events = self.path("events", '{"old":1}\n')
        r = self.watch("--pcap", self.path("a.pcap", capture(2)), "--events", events)
        self.assertEqual(r.returncode, 0, r.stderr)
        with open(events) as lines:
            self.assertEqual(len(lines.readlines()), 3)

    def test_full_disk(self):
        r = self.watch("--pcap", self.path("a.pcap", capture(5)), "--events", "/dev/full")
        self.assertEqual(r.returncode, 4, r.stderr)
        self.assertIn("make room", r.stderr)
        self.assertIn("5 lost", r.stderr)

    def test_reader_goes_away(self):
        read, write = os.pipe()
        os.close(read)
        r = subprocess.run([PROGRAM, "watch", "--pcap", self.path("a.pcap", capture(5)),
                            "--events", "-"], stdout=write, stderr=subprocess.PIPE, text=True)
        os.close(write)
        self.assertEqual(r.returncode, 4, r.stderr)

    def test_quiet(self):
        r = self.watch("--quiet", "--pcap", self.path("a.pcap", capture(5)))
        self.assertEqual((r.returncode, r.stdout, r.stderr), (0, "", ""))

    def test_standard_input(self):
        r = subprocess.run([PROGRAM, "watch", "--pcap", "-", "--events", "-"],
                           input=capture(7), capture_output=True)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(len(r.stdout.splitlines()), 7)

    def test_pipe_with_pauses(self):
        """What came is written while the pipe's writer has nothing; a capture goes on behind."""
        whole, events = capture(6), self.path("events")
        half = len(capture(3))
        p = subprocess.Popen([PROGRAM, "watch", "--pcap", "-", "--events", events],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        self.addCleanup(p.stdout.close)
        for part, lines in (whole[:half], 3), (whole[half:half + 5], 3), (whole[half + 5:], 6):
            p.stdin.write(part)
            p.stdin.flush()
            for _ in range(200):
                time.sleep(0.05)
                if os.path.exists(events):
                    with open(events) as f:
                        if len(f.readlines()) == lines:
                            break
            with open(events) as f:
                self.assertEqual(len(f.readlines()), lines)
        p.send_signal(signal.SIGUSR1)
        self.assertIn(b"Received", p.stdout.readline())
        p.stdin.close()
        self.assertEqual(p.wait(timeout=30), 0)

    def test_empty_standard_input(self):
        r = self.watch("--pcap", "-", stdin=subprocess.DEVNULL)
        self.assertEqual(r.returncode, 3, r.stderr)
        self.assertIn("standard input: is empty", r.stderr)

    def test_example_sites(self):
        """As they are shipped, and with what is commented out: valid on every machine."""
        policy = os.path.join(ROOT, "policy", "examples", "default.yaml")
        for name, has in (("site", "\nlimits:\n  flows:"), ("site-inline", "\n  midstream: reset")):
            example = os.path.join(ROOT, "deploy", name + ".example.yaml")
            with open(example) as f:
                text = f.read()
            whole = re.sub(r"^#(?! )(?=[a-z])|^#(?=  [a-z_]+: )", "", text, flags=re.M)
            self.assertIn(has, whole)
            for path in example, self.path("site.yaml", whole):
                r = self.watch("--config", path, "--policy", policy, "--key",
                               self.path("no.key"))
                self.assertEqual(r.returncode, 2, r.stderr)
                self.assertNotIn("error:", r.stderr)
                self.assertIn("no.key", r.stderr)

    def test_another_file_as_events(self):
        """Such as a capture: nothing is written into it."""
        a = self.path("a.pcap", capture(3))
        r = self.watch("--pcap", a, "--events", a)
        self.assertEqual(r.returncode, 2, r.stderr)
        self.assertIn("something else than events", r.stderr)
        with open(a, "rb") as f:
            self.assertEqual(f.read(), capture(3))

    def test_cut_capture(self):
        r = self.watch("--pcap", self.path("a.pcap", capture(5, cut=10)), "--events", "-")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(len(r.stdout.splitlines()), 4)
        self.assertIn("ends in the middle of a packet", r.stderr)

    def test_bad_input_leaves_nothing(self):
        site = self.path("site.yaml", "workers: 0\n")
        text = self.path("a.txt", "no capture\n")
        packed = self.path("a.pcap.gz", gzip.compress(capture(1)))
        empty = self.path("empty.pcap", b"")
        zigbee = self.path("zigbee.pcap", capture(1, link=195))
        good = self.path("good.pcap", capture(1))
        rows = [
            (3, ["--pcap", self.path("none.pcap")], "check the path"),
            (3, ["--pcap", good, self.path("none.pcap")], "check the path"),
            (3, ["--pcap", self.folder], "is a folder"),
            (3, ["--pcap", text], "isn't a capture"),
            (3, ["--pcap", packed], "gzip -dc"),
            (3, ["--pcap", empty], "is empty"),
            (3, ["--pcap", zigbee], "195"),
            (2, ["--pcap", good, "--policy", self.path("none.yaml")], "none.yaml"),
            (2, ["--pcap", good, "--key", self.path("none.key")], "none.key"),
            (2, ["--pcap", good, "--workers", "0"], "1 to 64"),
            (2, ["--pcap", good, "--checksums", "no"], "verify"),
            (2, ["--pcap", good, "--log", "all"], "messages"),
            (2, ["--pcap"], "needs a value"),
            (2, ["--pcap", good, "--policies", "x"], "no option"),
            (2, [good], "after --pcap"),
            (2, [], "nothing to watch"),
            (2, ["--config", site], "site.yaml:1:10"),
            (2, ["--config", self.path("none.yaml")], "none.yaml"),
            (2, ["--config", self.path("empty.yaml", "observer: x\n")], "no `ports`"),
            (4, ["--pcap", good, "--eal", "--no-such-option"], "--eal"),
        ]
        events = self.path("events")
        for status, args, says in rows:
            with self.subTest(args=args):
                r = self.watch(*args, "--events", events)
                self.assertEqual(r.returncode, status, r.stderr)
                self.assertIn(says, r.stderr)
                self.assertFalse(os.path.exists(events))

    def test_events_file_cannot_be_made(self):
        r = self.watch("--pcap", self.path("a.pcap", capture(1)), "--events",
                       self.path("no/such/folder"))
        self.assertEqual(r.returncode, 2, r.stderr)
        self.assertIn("folder exists", r.stderr)

    def test_site_with_captures(self):
        self.path("a.pcap", capture(4))
        site = self.path("site.yaml", 'ports: ["pcap:a.pcap"]\nworkers: 2\n'
                         "events: {file: out.jsonl}\n")
        r = self.watch("--config", site)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("limits.packet_buffers", r.stderr)
        with open(self.path("out.jsonl")) as lines:
            self.assertEqual(len(lines.readlines()), 4)

    def test_too_much_memory(self):
        site = self.path("site.yaml", 'ports: ["pcap:a.pcap"]\nlimits: {inspect_memory: 1TiB}\n')
        r = self.watch("--config", site)
        self.assertEqual(r.returncode, 2, r.stderr)
        self.assertIn("lower limits.inspect_memory", r.stderr)

    def test_no_such_port(self):
        for port, says in (("af_packet:nosuchport", "there is no such interface; there are"),
                           ("pci:ffff:ff:1f.7", "there is no such PCI device")):
            site = self.path("site.yaml", 'ports: ["%s"]\nlimits: {flows: 1024}\n' % port)
            r = self.watch("--config", site)
            # Without hugepages that comes first, with the number to write.
            self.assertIn(r.returncode, (2, 3), r.stderr)
            self.assertIn(says if r.returncode == 3 else "nr_hugepages", r.stderr)

    def test_bad_checksums_are_told_loudly(self):
        path = self.path("a.pcap", bad_checksums(10))
        r = self.watch("--pcap", path)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("WARNING: 10 of 10", r.stderr)
        self.assertIn("--checksums ignore", r.stderr)
        r = self.watch("--pcap", path, "--checksums", "ignore")
        self.assertNotIn("WARNING", r.stderr)

    def start_on_a_pipe(self):
        p = subprocess.Popen([PROGRAM, "watch", "--pcap", "-", "--events", "-"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        p.stdin.write(capture(5))
        p.stdin.flush()
        wait_until_it_reads(p)
        return p

    def test_orderly_stop(self):
        for number in signal.SIGINT, signal.SIGTERM:
            p = self.start_on_a_pipe()
            p.send_signal(number)
            out, err = p.communicate(timeout=20)
            self.assertEqual(p.returncode, 0, err)
            self.assertIn(b"Received", err)

    def test_report_and_go_on(self):
        p = self.start_on_a_pipe()
        p.send_signal(signal.SIGUSR1)
        p.stdin.write(capture(2000)[24:])
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0, err)
        self.assertEqual(len(out.splitlines()), 2005)

    def test_small_commands(self):
        self.assertEqual(self.run_it("nothing").returncode, 2)
        self.assertEqual(self.run_it().returncode, 2)
        for args in ["--help"], ["watch", "--help"], ["--version"], ["limits"]:
            r = self.run_it(*args)
            self.assertEqual(r.returncode, 0)
            self.assertLessEqual(max(map(len, r.stdout.splitlines())), 80)
        self.assertIn("tcp_idle_timeout: 1800 seconds", self.run_it("limits").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=1)
