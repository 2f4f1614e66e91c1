#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a log collector gets: every line by the schema, and which messages leave one.

Reads the made capture, and the public ones where they are (SLUSS_CAPTURES, or
beside the repository).
"""

import datetime
import glob
import ipaddress
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import sluss

POLICY = os.path.join(sluss.ROOT, "policy", "examples", "default.yaml")
CAPTURES = os.environ.get("SLUSS_CAPTURES",
                          os.path.join(sluss.ROOT, "..", "shared", "captures"))
LINE_MAX = 65536  # bytes; a collector's usual limit


def is_date(value):
    """ISO 8601, UTC, microseconds."""
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value)) and \
        bool(datetime.datetime.fromisoformat(value[:-1]))


TYPES = {
    "keyword": lambda v: isinstance(v, str),
    "boolean": lambda v: v is True,
    "long": lambda v: type(v) is int and 0 <= v < 1 << 63,
    "ip": lambda v: bool(ipaddress.ip_address(v)),
    "date": is_date,
}


def load_schema():
    with open(os.path.join(sluss.ROOT, "policy", "event_schema.json"), encoding="utf-8") as f:
        return json.load(f)


SCHEMA = {field["name"]: field for field in load_schema()["fields"]}
KEYWORDS = {name: {entry["keyword"] for entry in entries}
            for name, entries in load_schema()["keywords"].items()}


def leaves(value, name=""):
    """(dotted name, value) of everything; an array of objects is itself and its objects."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else key)
        return
    yield name, value
    if isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                yield from leaves(inner, name)


def check_field(record, name, value):
    field = SCHEMA.get(name)
    assert field is not None, f"{name} isn't in the schema"
    assert record in field["in"], f"{name} doesn't belong into {record}"
    kind = field["type"]
    if kind.endswith("[]"):
        assert isinstance(value, list), f"{name} is no array"
        test = TYPES.get(kind[:-2], lambda v: isinstance(v, dict))
        assert all(test(v) for v in value), f"{name}: {kind}"
    else:
        assert TYPES[kind](value), f"{name}: {value!r} is no {kind}"
    if name in KEYWORDS:
        assert value in KEYWORDS[name], f"{name}: {value!r} isn't one of the keywords"


def check_action(event):
    """What was done agrees with the mode, and with the verdict where it acts."""
    action, mode = event["event"]["action"], event["sluss"]["mode"]
    assert event["event"]["type"] == ["allowed" if action == "forward" else "denied"]
    if mode != "enforce":
        assert action == "forward", (mode, action)
        assert "refusal" not in event["sluss"], mode
    elif event["event"]["dataset"] == "sluss.evasion":
        assert action in ("rewrite", "drop"), action
    else:
        assert action in ("forward", "hold", "refuse", "drop"), action
        if "refusal" in event["sluss"]:
            assert action in ("refuse", "drop"), action


def check_event(line):
    assert len(line) < LINE_MAX, f"a line of {len(line)} bytes"
    event = json.loads(line.decode("utf-8", "strict"))
    record = event["event"]["dataset"].removeprefix("sluss.")
    seen = set()
    for name, value in leaves(event):
        seen.add(name)
        check_field(record, name, value)
    for name, field in SCHEMA.items():
        if record in field["in"] and field["when"] == "always":
            assert name in seen, f"{name} is missing"
    assert event["@timestamp"] == event["event"]["end"] >= event["event"].get("start", "")
    check_action(event)
    return event


def check_lines(data):
    assert data == b"" or data.endswith(b"\n"), "the last line has no end"
    events = [check_event(line) for line in data.splitlines()]
    ids = [e["event"]["id"] for e in events]
    assert len(set(ids)) == len(ids), "an id stands twice"
    assert sorted(e["event"]["sequence"] for e in events) == list(range(len(events)))
    return events


def watch(folder, capture, *args):
    path = os.path.join(folder, "events.jsonl")
    if os.path.exists(path):
        os.unlink(path)
    p = subprocess.run([sluss.SLUSS, "watch", "--policy", POLICY, "--pcap", capture, "--events",
                        path, "--checksums", "ignore", *args], capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=120)
    assert p.returncode == 0, p.stderr
    with open(path, "rb") as f:
        return check_lines(f.read()), p.stdout


def made_capture(folder):
    path = os.path.join(folder, "demo.pcap")
    subprocess.run(["/usr/bin/python3",
                    os.path.join(sluss.ROOT, "tests", "corpora", "make_demo.py"), path],
                   check=True, stdout=subprocess.DEVNULL)
    return path


def case_records(folder):
    """All messages are judged; bare sessions leave no record."""
    events, out = watch(folder, made_capture(folder), "--log", "messages")
    judged = int(re.search(r"^Messages judged +([\d,]+)", out, re.M)[1].replace(",", ""))
    kinds = sorted((e["sluss"]["inspector"], e["sluss"].get("command", "-"),
                    e["sluss"]["sender"]) for e in events)
    want = sorted([("smtp", "DATA", "client")] * 2 + [
        ("ftp", "STOR", "client"), ("http", "-", "client"), ("http", "-", "server"),
        ("tls", "-", "client"), ("tls", "-", "server"), ("raw", "-", "client")])
    assert kinds == want, kinds
    # Of the two SMTP sessions and the FTP session both sides were judged, too.
    assert judged == len(events) + 6, (judged, len(events))
    alerts, _ = watch(folder, made_capture(folder))
    assert [e["event"]["kind"] for e in alerts] == ["alert"] * 3


def case_two_runs_into_one_file(folder):
    """Both append: every line whole, each id twice."""
    capture, path = made_capture(folder), os.path.join(folder, "both.jsonl")
    runs = [subprocess.Popen([sluss.SLUSS, "watch", "--quiet", "--policy", POLICY, "--log",
                              "messages", "--pcap", capture, "--events", path]) for _ in range(2)]
    assert [p.wait(timeout=120) for p in runs] == [0, 0]
    with open(path, "rb") as f:
        events = [check_event(line) for line in f.read().splitlines()]
    ids = [e["event"]["id"] for e in events]
    assert len(ids) == 2 * len(set(ids)) > 0, ids


def case_killed(folder):
    """Behind a kill only whole lines are there, but perhaps for the last."""
    path = os.path.join(folder, "killed.jsonl")
    with open(made_capture(folder), "rb") as f:
        data = f.read()
    p = subprocess.Popen([sluss.SLUSS, "watch", "--quiet", "--policy", POLICY, "--log",
                          "messages", "--pcap", "-", "--events", path], stdin=subprocess.PIPE)
    p.stdin.write(data)
    p.stdin.flush()
    size = 0
    for _ in range(100):  # the ended flows' events are on disk within a second or so
        time.sleep(0.1)
        size = os.path.getsize(path) if os.path.exists(path) else 0
        if size > 0:
            break
    os.kill(p.pid, signal.SIGKILL)
    p.wait()
    p.stdin.close()
    with open(path, "rb") as f:
        for line in f.read().splitlines(keepends=True)[:-1]:
            check_event(line)


def main():
    cases = sluss.Cases("events")
    with tempfile.TemporaryDirectory(prefix="sluss-events-") as folder:
        cases.run("which messages leave a record", case_records, folder)
        cases.run("two runs, one file", case_two_runs_into_one_file, folder)
        cases.run("killed", case_killed, folder)
        for capture in sorted(glob.glob(os.path.join(CAPTURES, "P*.pcap"))):
            cases.run(os.path.basename(capture), watch, folder, capture, "--log", "messages",
                      "--quiet")
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
