#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`sluss run` before any packet flows: what is wrong is said, with its status, and nothing is
left half-done. That it runs is tests/e2e/bypass_test.py's.

Usage: test_run.py PROGRAM. PROGRAM has doubles for worker and policy.
"""

import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
PAIR = 'pairs: [["af_packet:nosuch0", "af_packet:nosuch1"]]\n'


class Run(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w") as out:
                out.write(text)
        return path

    def run_it(self, *args):
        env = dict(os.environ)
        env.pop("SLUSS_KEY", None)
        return subprocess.run([PROGRAM, "run", *args], capture_output=True, text=True,
                              timeout=60, env=env)

    def test_what_is_wrong_is_said(self):
        site = self.path("site.yaml", PAIR)
        rows = [
            ([], "--config site.yaml"),
            (["--config="], "needs a value"),
            (["--config", self.path("none.yaml")], "none.yaml"),
            (["--config", self.path("bad.yaml", "workers: 0\n")], "bad.yaml:1:10"),
            (["--config", self.path("empty.yaml", "observer: x\n")], "has no `pairs`"),
            (["--config", self.path("ports.yaml", 'ports: ["af_packet:eth1"]\n')],
             "has no `pairs`"),
            (["--config", self.path("odd.yaml", 'pairs: [["af_packet:eth1"]]\n')], "odd.yaml:1"),
            (["--config", self.path("choice.yaml", PAIR + "inline: {stalled: maybe}\n")],
             "choice.yaml:2"),
            (["--config", self.path("sums.yaml", PAIR + "checksums: ignore\n")],
             "no receiver takes"),
            (["--config", site, "--checksums", "ignore"], "--checksums is for captures"),
            (["--config", site, "--pcap", "a.pcap"], "sluss watch --pcap"),
            (["--config", site, "--workers", "0"], "1 to 64"),
            (["--config", site, "--log", "all"], "messages"),
            (["--config", site, "--policies", "x"], "no option"),
            (["--config", site, "more"], "stands alone"),
            (["--config", site, "--policy", self.path("none.yaml")], "none.yaml"),
            (["--config", site, "--key", self.path("none.key")], "none.key"),
        ]
        events = self.path("events")
        for args, says in rows:
            with self.subTest(args=args):
                r = self.run_it(*args, "--events", events)
                self.assertEqual(r.returncode, 2, r.stderr)
                self.assertIn(says, r.stderr)
                self.assertNotIn("isn't built", r.stderr)
                self.assertFalse(os.path.exists(events))

    def test_no_such_port(self):
        r = self.run_it("--config", self.path("site.yaml", PAIR + "limits: {flows: 1024}\n"))
        # Without hugepages that comes first, with the number to write.
        self.assertIn(r.returncode, (2, 3), r.stderr)
        self.assertIn("there is no such interface" if r.returncode == 3 else "nr_hugepages",
                      r.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "gives root up")
    def test_no_root(self):
        site = self.path("site.yaml", PAIR.replace("nosuch0", "lo"))
        os.chmod(self.folder, 0o755)
        r = subprocess.run([PROGRAM, "run", "--config", site], capture_output=True, text=True,
                           timeout=60, user=65534, group=65534)
        self.assertIn(r.returncode, (2, 3, 4), r.stderr)
        self.assertIn("sluss: ", r.stderr)

    def test_help(self):
        r = self.run_it("--help")
        self.assertEqual(r.returncode, 0)
        self.assertIn("sluss run --config", r.stdout)
        self.assertIn("5 ended by its watchdog", r.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=1)
