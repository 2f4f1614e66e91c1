#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the benchmark's capture: mail, web and FTP uploads of Swedish prose and
tables, clean and dirty, by a fixed seed.

usage: make_traffic.py OUT.pcap [--megabytes N] [--seed N] [--dirty SHARE] [--plain]

--dirty   share of the uploads that are patient lists (test identifiers)
--plain   text only: no base64, so that wire bytes are text bytes
"""

import argparse
import base64
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tests", "support"))
import identifiers  # noqa: E402
import wire  # noqa: E402

WORDS = """och att det som en på är av för med till den har de inte om ett han men var jag sig
från vi så kan när år säger under också efter eller nu sin där vid mot ska skulle kommer ut får
finns vara hade alla andra mycket än här då sedan över bara in blir upp även vad få två vill
hur mellan bland tre första bli ha varit genom hos helt samma ingen något många samt detta
mötet frågan arbetet planen budgeten rapporten lokalen schemat förslaget underlaget projektet
kommunen regionen avtalet leverantören systemet tjänsten utbildningen personalen verksamheten
beslutade redovisade framförde återkommer diskuterade planerar genomför följer ansvarar bjuder
måndag tisdag onsdag torsdag fredag januari februari mars april maj juni augusti september
hundra tusen procent kronor timmar dagar veckor månader större mindre tidigare senare ungefär""".split()


def prose(rnd, n):
    out, size = [], 0
    while size < n:
        words = [rnd.choice(WORDS) for _ in range(rnd.randint(5, 16))]
        if rnd.random() < 0.3:
            words[rnd.randrange(len(words))] = str(rnd.choice(
                (rnd.randint(1, 99), rnd.randint(100, 9999), 2026)))
        line = " ".join(words).capitalize() + ".\r\n"
        out.append(line)
        size += len(line) + 4
    return "".join(out)


def table(rnd, n, numbers):
    rows, size = ["personnummer;besök;bedömning\r\n"], 0
    while size < n:
        row = f"{identifiers.hyphenated(rnd.choice(numbers))};{prose(rnd, 60)[:60].strip()}\r\n"
        rows.append(row)
        size += len(row)
    return "".join(rows)


def mail_of(body, rnd, plain):
    head = (f"From: a@vard.example\r\nTo: b@leverantor.example\r\nSubject: {prose(rnd, 20)[:30].strip()}\r\n"
            f"Message-ID: <{rnd.getrandbits(64):x}@vard.example>\r\nMIME-Version: 1.0\r\n").encode()
    if plain:
        return head + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body
    return head + (b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
                   b"Content-Type: text/plain; charset=utf-8\r\n\r\nSe bilaga.\r\n--b\r\n"
                   b'Content-Type: text/csv; charset=utf-8; name="bilaga.csv"\r\n'
                   b"Content-Transfer-Encoding: base64\r\n\r\n" +
                   base64.encodebytes(body).replace(b"\n", b"\r\n") + b"--b--\r\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--megabytes", type=int, default=48)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--dirty", type=float, default=0.1)
    p.add_argument("--plain", action="store_true")
    a = p.parse_args()
    rnd = random.Random(a.seed)
    numbers = list(identifiers.test_personnummer())
    stock = [prose(rnd, 65536) for _ in range(16)]
    sent = flow = 0
    with wire.Capture(a.out, step=0.00001) as cap:
        while sent < a.megabytes << 20:
            size = rnd.choice((2000, 20000, 100000, 400000))
            text = table(rnd, size, numbers) if rnd.random() < a.dirty else \
                "".join(rnd.choice(stock) for _ in range(size // 65536 + 1))[:size]
            body = text.encode()
            client, port = f"10.10.{flow % 200}.{flow // 200 % 200 + 1}", 20000 + 2 * (flow % 20000)
            kind = rnd.randrange(3)
            if kind == 0:
                wire.smtp(cap, client, port, "192.0.2.9", "a@vard.example",
                          ["b@leverantor.example"], mail_of(body, rnd, a.plain))
            elif kind == 1:
                wire.http_put(cap, client, port, "203.0.113.80", "fildelning.example",
                              f"/upload/{flow}.txt", body, "text/plain; charset=utf-8")
            else:
                wire.ftp_stor(cap, client, port, "192.0.2.9", f"fil{flow}.txt", body,
                              data_port=30000 + flow % 20000)
            sent += len(body)
            flow += 1
    print(f"{a.out}: {cap.frames} frames, {flow} uploads, {sent >> 20} MiB")


main()
