#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut a capture into seeds for fuzz_worker: one for each conversation, Ethernet,
lengths and payload shortened where that leaves them readable.

usage: worker_seeds.py CAPTURE.pcap OUT_FOLDER
"""

import os
import struct
import sys

FRAMES_MAX = 40


def frames(path):
    data = open(path, "rb").read()
    at = 24
    while at + 16 <= len(data):
        caplen = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + caplen]
        at += 16 + caplen


def conversation(frame):
    ip = frame[14:]
    ends = sorted([(ip[12:16], ip[20:22]), (ip[16:20], ip[22:24])])
    return (ip[9], ends[0], ends[1])


def main():
    capture, out = sys.argv[1:]
    seeds = {}
    for frame in frames(capture):
        if frame[12:14] == b"\x08\0":
            seeds.setdefault(conversation(frame), []).append(frame)
    for i, (key, all_frames) in enumerate(seeds.items()):
        port = min(int.from_bytes(key[1][1], "big"), int.from_bytes(key[2][1], "big"))
        with open(os.path.join(out, f"{i:02}-port-{port}"), "wb") as f:
            f.write(b"\0")
            for frame in all_frames[:FRAMES_MAX]:
                f.write(struct.pack("<BBH", 0, 10, len(frame)) + frame)


main()
