# SPDX-License-Identifier: GPL-3.0-or-later
"""Inline soak: mixed real traffic for a while, lists among many clean uploads.
Every list is refused, every clean one arrives, and memory stays flat.

usage: soak.py [--seconds N] [--every N] [--kind af_packet|af_xdp] [--workers N]

With --seconds 600 some ten thousand clean uploads and a hundred lists go by.
SLUSS_BUILD names the build folder: a build under AddressSanitizer can be soaked too.
"""

import argparse
import concurrent.futures
import os
import random
import sys
import threading
import time

import inline
import netlab
import smtp_raw
import uploads
from inline import need


class Count:
    def __init__(self):
        self.lock = threading.Lock()
        self.clean, self.refused, self.wrong = 0, 0, []

    def add(self, bad, problem):
        with self.lock:
            if problem:
                self.wrong.append(problem)
            elif bad:
                self.refused += 1
            else:
                self.clean += 1


class Traffic:
    """One upload after the other until the time is up; each knows what must become of it."""

    def __init__(self, t, until, every):
        self.t, self.lab, self.until, self.every = t, t.lab, until, every
        self.count, self.lock, self.turn = Count(), threading.Lock(), 0

    def next(self):
        with self.lock:
            self.turn += 1
            bad = self.turn % self.every == 0
            return self.turn, bad, self.t.persons.take(3 if bad else self.turn % 3)

    def work(self):
        while time.monotonic() < self.until:
            turn, bad, numbers = self.next()
            rng = random.Random(turn)
            data = (b"bara ord i en rad\r\n" * rng.randrange(2000) + inline.table(numbers) +
                    b"slut\r\n" * rng.randrange(100))
            kind = (self.web, self.ftp, self.mail)[turn % 3]
            try:
                problem = kind(f"s{turn}.csv", data, bad)
            except Exception as e:  # noqa: BLE001 - counted, with its reason
                problem = str(e)[-400:]
            self.count.add(bad, problem and f"upload {turn} ({kind.__name__}, "
                                            f"{'list' if bad else 'clean'}): {problem}")

    def curl(self, *args):
        """(did it succeed, its words)"""
        out = self.lab.client("sh", "-c", '"$@"; echo "exit=$?"', "sh", "curl", "-sSv", "--max-time",
                              "60", *args)
        return out.rstrip().endswith("exit=0"), out

    def stored(self, path, data, bad, told):
        got = inline.read(path) if os.path.exists(path) else None
        if not bad:
            return None if got == data else "it arrived changed, or not at all: " + told[-300:]
        return "it arrived" if got == data else None

    def web(self, name, data, bad):
        path = self.lab.file(name, data)
        _, out = self.curl("-T", path, f"http://{netlab.SERVER}/upload/{name}")
        problem = self.stored(self.lab.path("www/upload/" + name), data, bad, out)
        return problem or (None if ("HTTP/1.1 403" in out) == bad else out[-300:])

    def ftp(self, name, data, bad):
        path = self.lab.file(name, data)
        _, out = self.curl("-T", path, f"ftp://{netlab.SERVER}/in/{name}")
        problem = self.stored(self.lab.path("ftp/in/" + name), data, bad, out)
        return problem or (None if ("< 550" in out) == bad else out[-300:])

    def mail(self, name, data, bad):
        """By the raw client; the receiver's id is its file's."""
        mail = f"Subject: {name}\r\nFrom: a@vard.example\r\n\r\n".encode() + data
        replies = self.lab.inside(
            self.lab.client_ns, smtp_raw.talk, netlab.SERVER, smtp_raw.session(
                smtp_raw.data("a@vard.example", ["support@leverantor.example"], mail)))
        refused = any(r.startswith("554 5.7.1 ") for r in replies)
        return None if refused == bad else str(replies[-3:])


def resident(pid):
    """KiB of memory of a process that are in use, without hugepages."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def soak(t, seconds, every):
    traffic = Traffic(t, time.monotonic() + seconds, every)
    samples = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(traffic.work) for _ in range(4)]
        while time.monotonic() < traffic.until:
            time.sleep(min(1, seconds / 20))
            if t.process is not None:
                need(t.process.poll() is None, "the gateway is gone: " + t.log()[-2000:])
                samples.append(resident(t.process.pid))
        for r in runs:
            r.result()
    return traffic, samples


def check_mails(t, traffic):
    """The server has every clean mail and no list."""
    folder = t.lab.path("mail")
    subjects = set()
    for name in os.listdir(folder):
        data = inline.read(os.path.join(folder, name))
        subjects.add(data.split(b"\r\n", 1)[0].decode().removeprefix("Subject: "))
    wanted = {f"s{i}.csv" for i in range(1, traffic.turn + 1) if i % 3 == 2 and i % traffic.every}
    need(subjects == wanted, f"{len(wanted - subjects)} are missing, {len(subjects - wanted)} too many")


def check(t, traffic, samples):
    c = traffic.count
    print(f"{c.clean} clean ones arrived, {c.refused} lists were refused, {len(c.wrong)} went wrong")
    if samples:
        print(f"memory: {samples[0]} KiB at first, {samples[-1]} at the end")
    need(not c.wrong, "\n".join(c.wrong[:10]))
    need(c.clean >= 100 and c.refused >= 1, "too little traffic")
    check_mails(t, traffic)
    if samples:
        # From the middle on: pages that are touched for the first time come before it.
        middle = samples[len(samples) // 2]
        need(samples[-1] <= middle + max(2048, middle // 50),
             f"memory grows: {samples[::max(1, len(samples) // 20)]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--every", type=int, default=100, help="uploads from one list to the next")
    parser.add_argument("--kind", choices=inline.KINDS, default="af_packet")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with inline.inline("soak", options.kind) as t:
        uploads.start_servers(t.lab)
        t.start(f"workers: {options.workers}\n" + inline.SITE)
        t.refused("soak", lambda t: check(t, *soak(t, options.seconds, options.every)))
        return t.end()


if __name__ == "__main__":
    sys.exit(main())
