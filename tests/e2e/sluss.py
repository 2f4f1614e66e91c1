# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the built programs and read what they say. SLUSS_BUILD names the build folder."""

import json
import os
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("SLUSS_BUILD", os.path.join(ROOT, "build", "test"))
SLUSS = os.path.join(BUILD, "dataplane", "sluss")
SLUSSCTL = os.path.join(BUILD, "ctl", "slussctl")
KEY = "00" * 32  # a key for tests, so that pseudonyms can be compared


class Watch:
    """One run of `sluss watch`: status, events, and both outputs as text."""

    def __init__(self, *args, policy, folder, messages=True, timeout=120):
        events = os.path.join(folder, "events.jsonl")
        key = os.path.join(folder, "pseudonym.key")
        if os.path.exists(events):
            os.unlink(events)
        if not os.path.exists(key):
            with open(key, "w") as f:
                f.write(KEY + "\n")
            os.chmod(key, 0o600)
        command = [SLUSS, "watch", "--policy", policy, "--key", key, "--events", events]
        if messages:
            command += ["--log", "messages"]
        p = subprocess.run(command + list(args), capture_output=True, text=True, timeout=timeout,
                           stdin=subprocess.DEVNULL)
        self.status, self.out, self.err = p.returncode, p.stdout, p.stderr
        self.lines = []
        if os.path.exists(events):
            with open(events, encoding="utf-8") as f:
                self.lines = f.read().splitlines()
        self.events = [json.loads(line) for line in self.lines]

    def need(self, true, what):
        """An assertion that shows what the program said."""
        if not true:
            raise AssertionError(f"{what}\nstatus {self.status}\n{self.out}\n{self.err}\n" +
                                 "\n".join(self.lines[:20]))


def found(event, detector):
    """Listed findings of a detector in an event."""
    return [f for f in event["sluss"].get("findings", []) if f["detector"] == detector]


def count_of(event, information):
    """How many of an information type an event counts."""
    return sum(i["count"] for i in event["sluss"].get("information", [])
               if i["id"] == information)


class Cases:
    """Named cases, each run by itself; a line for each that fails, and the sums at the end."""

    def __init__(self, name):
        self.name, self.ran, self.bad = name, 0, []

    def run(self, case, function, *args):
        self.ran += 1
        try:
            function(*args)
        except Exception as e:  # noqa: BLE001 - every failure is a case's failure
            self.bad.append(case)
            print(f"not ok {case}: {e}")
        else:
            print(f"ok {case}")

    def end(self):
        print(f"{self.name}: {self.ran} cases ran, {self.ran - len(self.bad)} passed, "
              f"{len(self.bad)} failed")
        return 1 if self.bad or not self.ran else 0
