# SPDX-License-Identifier: GPL-3.0-or-later
"""deploy/inline_demo.py, which the quickstart ends with: it shows what it says, and leaves
no hugepages behind.
"""

import re
import subprocess
import sys
import tempfile

import netlab
import sluss


def check():
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.run([sys.executable, f"{sluss.ROOT}/deploy/inline_demo.py", sluss.SLUSS, folder],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                           check=False)
        with open(f"{folder}/events.jsonl", encoding="utf-8") as f:
            events = f.read()
    for text in ("201 Created", "403 Forbidden", "250, sent", "554 5.7.1 Message refused",
                 "report.csv: 424 bytes, 0 patients"):
        assert text in p.stdout, f"no {text!r}\n{p.stdout}"
    assert p.returncode == 0, p.stdout
    for answer in (r'"event":"([0-9a-f-]{36})"', r"\(event ([0-9a-f-]{36})\)"):
        event = re.search(answer, p.stdout).group(1)
        assert f'"id":"{event}"' in events, f"no event {event}\n{p.stdout}"
    assert not re.search(r"19\d{6}-\d{4}", p.stdout + events), "an identifier is in clear"


netlab.need_root()
cases = sluss.Cases("demo")
cases.run("inline_demo", check)
sys.exit(cases.end())
