#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throughput through the gateway on veth, beside a plain forwarder in the same run.

usage: inline_bench.py [--kind af_packet|af_xdp]… [--rounds N] [--seconds N]

SLUSS_BUILD names the build folder (build/perf); needs root and iperf3. In each round one TCP
connection goes up, and one down, through: the forwarder of tests/support, which is all that a
wire does on one thread and spins; and `sluss run` between an exempt, a shadowed and an enforced
pair of domains. Medians, and their ratios to the forwarder's.
"""

import argparse
import json
import os
import statistics
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
os.environ.setdefault("SLUSS_BUILD", os.path.join(ROOT, "build", "perf"))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import inline  # noqa: E402
import netlab  # noqa: E402
import sluss  # noqa: E402

FORWARDER = os.path.join(sluss.BUILD, "tests", "support", "forwarder")
PAIRS = {"exempt": netlab.EXEMPT, "shadow": netlab.SHADOWED, "enforce": netlab.SERVER}
WAYS = ("plain", *PAIRS)


def iperf3(lab, address, seconds, down):
    """@return Mbit/s that came, and how many segments were sent again"""
    server = lab.serve(5201, "iperf3", "-s", "-1")
    args = ("-R",) if down else ()
    out = json.loads(lab.client("iperf3", "-J", "-c", address, "-t", str(seconds), "-O", "1",
                                "-C", "cubic", *args, timeout=seconds + 30))
    server.wait(timeout=10)
    if "error" in out:
        raise RuntimeError(out["error"])
    end = out["end"]
    return end["sum_received"]["bits_per_second"] / 1e6, end["sum_sent"].get("retransmits", 0)


def through(lab, ways, seconds, results):
    for way, address in ways.items():
        for down in (False, True):
            results[way, down].append(iperf3(lab, address, seconds, down))


def one_round(kind, seconds, results):
    with netlab.InlineLab(kind) as lab:
        p = lab.start(lab.gateway_ns, FORWARDER, f"{kind}:{lab.near_if}", f"{kind}:{lab.far_if}")
        lab.wait_until_it_forwards(p)
        through(lab, {"plain": netlab.SERVER}, seconds, results)
        netlab.stop(p)
        t = inline.Inline("inline_bench", lab)
        t.start()
        through(lab, PAIRS, seconds, results)
        t.stop()


def print_results(kind, results):
    for down in (False, True):
        speeds = {w: statistics.median(r for r, _ in results[w, down]) for w in WAYS}
        for w in WAYS:
            again = statistics.median(n for _, n in results[w, down])
            ratio = "" if w == "plain" else f"   {w} / plain: {speeds[w] / speeds['plain']:.2f}"
            print(f"{kind:9} {'down' if down else 'up':4} {w:8} {speeds[w]:9.1f} Mbit/s "
                  f"{again:6.0f} sent again{ratio}", flush=True)


def main():
    netlab.need_root()
    p = argparse.ArgumentParser()
    p.add_argument("--kind", action="append")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=int, default=3)
    a = p.parse_args()
    for kind in a.kind or inline.KINDS:
        results = {(w, down): [] for w in WAYS for down in (False, True)}
        with netlab.Hugepages(inline.HUGEPAGES):
            for _ in range(a.rounds):
                one_round(kind, a.seconds, results)
        print_results(kind, results)


if __name__ == "__main__":
    main()
