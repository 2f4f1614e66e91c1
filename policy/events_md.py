#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make policy/EVENTS.md from policy/event_schema.json.

usage: events_md.py            print the page
       events_md.py --check    compare it with EVENTS.md; exit status 1 if they differ
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
HEAD = """<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Made by policy/events_md.py from policy/event_schema.json: change that, not this. -->
# The events of Sluss

One JSON object on one line for each, UTF-8, with the field names of the Elastic
Common Schema {ecs} and our own below `sluss`. No identifier is in clear in any of
them: text that came from the wire (marked *masked* below) has its identifiers
replaced by `*`, findings carry a mask and a pseudonym.

| record | written by | holds |
| --- | --- | --- |
| verdict | `sluss watch` and `sluss run`, dataset `sluss.verdict` | a judged message |
| evasion | `sluss watch` and `sluss run`, dataset `sluss.evasion` | an attempt to be read differently by us and by the receiver |
| scan | `slussctl scan --json` | a file, clean ones too |

A verdict is written for each alert; with `--log messages` for each judged
message, but for the commands and replies of an SMTP or FTP session in which nothing
was found, opaque or missing (its mails and files have records of their own).

**What should be, and what was done.** `sluss.verdict` is the policy's answer; it, the
findings and `event.id` are the same in every mode. `sluss.mode` tells who acted on it:

| `sluss.mode` | `event.action` | `event.type` |
| --- | --- | --- |
| `monitor` (a watcher), `shadow` | `forward` | `allowed` |
| `enforce` | as the verdict; with an evasion `rewrite` or `drop` | `allowed` with `forward`, else `denied` |

So `event.type: denied` counts what was stopped, and `sluss.verdict: refuse` what the policy
would stop. `sluss.refusal.said` names how the sender learns of it:

{sluss.refusal.said}

An evasion has one record of each kind for each direction of a flow. `sluss.evasion.what` is

{sluss.evasion.what}

**Files.** Lines are appended, so that several runs may share a file; `event.id` is
the same for the same traffic, `event.sequence` counts within one run. Only whole
lines are written. A kill takes what was read less than a second ago and wasn't
written yet, and can leave a half last line if it comes in the middle of a write: the
next run that appends ends that line first. So a reader skips a line that is no JSON,
and waits for the end of the last one.

**Lost and damaged bytes.** What never came stands in `sluss.bytes.gap`, with the flag
`gap`; a message that ended before its protocol said so has the flag `cut`. What came
but broke its format is opaque, reason `damaged`, with the part that it broke.

A type with `[]` is an array; fields below an array of objects are in each of its
objects.
"""
TITLES = {"verdict": "verdict: a judged message", "evasion": "evasion: an attempt",
          "scan": "scan: a file on disk"}


def row(field):
    kind = field["type"] + (", masked" if field.get("masked") else "")
    if "unit" in field:
        kind += ", " + field["unit"]
    return "| `%s` | %s | %s | %s |" % (field["name"], kind, field["when"], field["meaning"])


def keywords(entries):
    return "\n".join(["| keyword | meaning |", "| --- | --- |"] +
                     ["| `%(keyword)s` | %(meaning)s |" % e for e in entries])


def page():
    schema = json.loads((HERE / "event_schema.json").read_text(encoding="utf-8"))
    head = HEAD.replace("{ecs}", schema["ecs"])
    for name, entries in schema["keywords"].items():
        head = head.replace("{%s}" % name, keywords(entries))
    lines = [head]
    for record, title in TITLES.items():
        lines += ["## " + title, "", "| field | type, unit | when | meaning |",
                  "| --- | --- | --- | --- |"]
        lines += [row(f) for f in schema["fields"] if record in f["in"]]
        lines.append("")
    return "\n".join(lines)


def main():
    if sys.argv[1:] == ["--check"]:
        if (HERE / "EVENTS.md").read_text(encoding="utf-8") != page():
            print("policy/EVENTS.md differs from policy/event_schema.json: "
                  "run policy/events_md.py > policy/EVENTS.md", file=sys.stderr)
            return 1
        return 0
    sys.stdout.write(page())
    return 0


sys.exit(main())
