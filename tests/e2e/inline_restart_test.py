# SPDX-License-Identifier: GPL-3.0-or-later
"""Inline: start, reload, stop and kill while connections go on. One between exempt
domains lives through all of it, and arrives bit for bit; an enforced one that the
gateway finds in the middle is reset, so that it can be begun anew.
"""

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import inline
import netlab
from inline import need

BYPASS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy",
                      "sluss-bypass")
PORT, CHUNK, PAUSE = 9000, 16384, 0.02

# Reads all there is, and says how much and what it was.
SINK = """
import hashlib, socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
c = s.accept()[0]
h, n = hashlib.sha256(), 0
try:
    while data := c.recv(65536):
        h.update(data)
        n += len(data)
    print(n, h.hexdigest(), flush=True)
except OSError as e:
    print("reset", n, flush=True)
"""


class Stream:
    """One connection, on which bytes go all the time until end()."""

    def __init__(self, t, address, seed):
        self.random, self.hash, self.n = random.Random(seed), hashlib.sha256(), 0
        self.over, self.error = threading.Event(), None
        self.sink = subprocess.Popen(
            ["ip", "netns", "exec", t.lab.server_ns, sys.executable, "-c", SINK, address, str(PORT)],
            stdout=subprocess.PIPE, text=True)
        need(self.sink.stdout.readline() == "ready\n", "the sink doesn't listen")
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(t.lab.client_ns, address))
        self.thread.start()
        need(self.ready.wait(10), f"{address}: no connection")

    def _run(self, ns, address):
        try:
            netlab.enter(ns)  # of this thread only
            with socket.create_connection((address, PORT), timeout=60) as s:
                self.ready.set()
                while not self.over.is_set():
                    data = self.random.randbytes(CHUNK)
                    s.sendall(data)
                    self.hash.update(data)
                    self.n += len(data)
                    time.sleep(PAUSE)
        except OSError as e:
            self.error = e

    def end(self):
        self.over.set()
        self.thread.join(90)
        out = self.sink.communicate(timeout=60)[0].strip()
        return out, f"{self.n} {self.hash.hexdigest()}"


def bypass(t, command):
    netlab.run("ip", "netns", "exec", t.lab.gateway_ns, "sh", BYPASS, command, t.lab.near_if,
               t.lab.far_if)


def arrived_whole(stream):
    got, sent = stream.end()
    need(stream.error is None, f"the sender: {stream.error}")
    need(got == sent, f"sent {sent}, got {got}")


def pass_time(seconds=0.7):
    time.sleep(seconds)


def reload_keeps_all(t):
    streams = [Stream(t, netlab.EXEMPT, 1), Stream(t, netlab.SERVER, 2)]
    for n in (1, 2):
        pass_time()
        t.process.send_signal(signal.SIGHUP)
        netlab.wait_for(lambda k=n: t.log().count("is in force") >= k, "the policy anew")
    pass_time()
    for s in streams:
        arrived_whole(s)


def restart(t, sig):
    """The bridge stands in while there is no gateway."""
    exempt, enforced = Stream(t, netlab.EXEMPT, 3), Stream(t, netlab.SERVER, 4)
    pass_time()
    if sig == signal.SIGTERM:
        bypass(t, "up")
        netlab.stop(t.process, sig)
    else:
        netlab.stop(t.process, sig)
        bypass(t, "up")
    pass_time()
    t.start()
    bypass(t, "down")
    pass_time()
    arrived_whole(exempt)
    got, _ = enforced.end()
    need(got.startswith("reset") or enforced.error is not None,
         f"an enforced connection went on unread: {got}")
    # Anew it is read, and goes on.
    again = Stream(t, netlab.SERVER, 5)
    pass_time()
    arrived_whole(again)


def closed_meanwhile(t):
    """Without the bridge nothing passes while there is no gateway; then TCP goes on."""
    exempt = Stream(t, netlab.EXEMPT, 6)
    pass_time()
    netlab.stop(t.process, signal.SIGKILL)
    pass_time(1.5)
    t.start()
    pass_time(2)
    arrived_whole(exempt)


def main():
    with inline.inline("inline-restart") as t:
        t.start()
        t.clean("reload", reload_keeps_all)
        t.clean("stop and start", restart, signal.SIGTERM)
        t.clean("kill and start", restart, signal.SIGKILL)
        t.clean("fail-closed", closed_meanwhile)
        return t.end()


if __name__ == "__main__":
    sys.exit(main())
