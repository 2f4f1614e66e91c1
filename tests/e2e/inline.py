# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inline tests share: the policy, a gateway between real clients and
servers, its events, and cases that prove that they can fail.

With SLUSS_GATEWAY=bridge the kernel's bridge stands where the gateway was:
then every clean case must pass, and every case of a refusal must fail.
"""

import contextlib
import itertools
import json
import os
import re
import threading

import netlab
import sluss
from uploads import identifiers

BRIDGE = os.environ.get("SLUSS_GATEWAY") == "bridge"
KINDS = ("af_packet", "af_xdp")

# Two persons may go to the supplier, three may not (and none to anybody else). `skugga` is
# judged and never stopped, `undantag` not even read, `sluten` takes nothing that can't be read.
POLICY = """schema: 1
name: inline
classes: [K0, K1, K2, K3]
domains:
  vard: {control: inside, networks: [10.10.0.0/16, "2001:db8:10::/48"], mail: [vard.example]}
  leverantor: {control: partner, networks: [192.0.2.0/24, "2001:db8:20::/48"],
    mail: [leverantor.example]}
  skugga: {control: partner, networks: [198.51.100.0/24]}
  undantag: {control: partner, networks: [203.0.113.0/24]}
  sluten: {control: outside, networks: [198.18.0.0/15], hosts: [sluten.example]}
  internet: {control: outside, networks: ["0.0.0.0/0", "::/0"], mail: ["*"]}
packs: [se-personal]
information:
  - {id: person, class: K1, when: {personnummer: 1, unique: true}}
  - {id: persons, class: K3, when: {personnummer: 3, unique: true}}
egress:
  - {from: vard, to: sluten, channel: any, ceiling: K1, over: refuse, opaque: refuse}
  - {from: vard, to: internet, channel: any, ceiling: K0, over: refuse, opaque: alert}
  - {from: any, to: any, channel: any, ceiling: K1, over: refuse, opaque: alert}
modes:
  - {between: [vard, skugga], mode: shadow}
  - {between: [vard, undantag], mode: exempt}
"""

SITE = """observer: inline
policy: {policy}
key: {key}
pairs: [{ports}]
events: {{file: {events}, log: messages}}
limits: {{inspect_memory: 64 MiB, flows: 16384, packet_buffers: 24576,
  tcp_segments: 8192, fragment_datagrams: 256}}
"""

HUGEPAGES = 384
EVENT_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")


class Persons:
    """Lists of persons; every list has persons of its own, and all are remembered."""

    def __init__(self, step=7):
        self.numbers = itertools.cycle(itertools.islice(identifiers.test_personnummer(), 0, None,
                                                        step))
        self.used = []

    def take(self, n):
        new = [next(self.numbers) for _ in range(n)]
        self.used += new
        return new

    def table(self, n):
        return table(self.take(n))


def table(numbers):
    return "".join(f"{i};{identifiers.hyphenated(n)};ok\r\n" for i, n in enumerate(numbers)
                   ).encode()


def shown(number):
    """The forms in which an identifier could be read."""
    return (number, number[:8] + "-" + number[8:], number[2:8] + "-" + number[8:], number[2:])


def persons_in(data, numbers):
    """How many of the numbers stand in the bytes."""
    return sum(any(form.encode() in data for form in shown(n)) for n in numbers)


def need(true, what):
    if not true:
        raise AssertionError(what)


class Inline:
    """A lab, the gateway in it, what it wrote, and the cases that are run."""

    def __init__(self, name, lab):
        self.lab, self.persons = lab, Persons()
        self.cases = sluss.Cases(name)
        self.event_file = lab.path("events.jsonl")
        self.policy = lab.file("inline.yaml", POLICY)
        self.process = None
        self.words = []  # everything that the gateway said to anybody
        self._lock = threading.Lock()

    # ---- cases ----

    def clean(self, case, function, *args):
        """A case that holds with any gateway that forwards."""
        self.cases.run(case, function, self, *args)

    def refused(self, case, function, *args):
        """A case that holds because the gateway acts; with a bridge it must fail."""
        if not BRIDGE:
            self.cases.run(case, function, self, *args)
            return
        self.cases.run(case + " (fails without a gateway)", must_fail, function, self, *args)

    # ---- the gateway ----

    def start(self, site=SITE, **more):
        if BRIDGE:
            self.lab.bridge()
            return
        key = self.lab.file("pseudonym.key", sluss.KEY + "\n", mode=0o600)
        path = self.lab.file("site.yaml", site.format(
            policy=self.policy, key=key, ports=self.lab.ports(), events=self.event_file, **more))
        self.process = self.lab.gateway(sluss.SLUSS, "run", "--config", path)

    def stop(self):
        """The end, in order: status 0, which says too that all bytes add up."""
        if self.process is not None:
            status = netlab.stop(self.process, netlab.signal.SIGINT)
            need(status == 0, f"the gateway ended with status {status}\n{self.log()}")

    def log(self):
        path = self.lab.path("sluss.log")
        return read(path).decode(errors="replace") if os.path.exists(path) else ""

    def event_text(self):
        if not os.path.exists(self.event_file):
            return ""
        text = read(self.event_file).decode()
        return text[:text.rfind("\n") + 1]

    def events(self):
        return [json.loads(line) for line in self.event_text().splitlines()]

    # ---- what it said and wrote ----

    def said(self, text):
        """Keep words of the gateway for the search for identifiers at the end."""
        with self._lock:
            self.words.append(text)
        return text

    def event(self, event_id, seconds=10):
        """The event of that id, once it is written."""
        def there():
            return event_id in self.event_text()
        netlab.wait_for(there, f"the event {event_id}", seconds)
        same = [e for e in self.events() if e["event"]["id"] == event_id]
        need(len(same) == 1, f"{len(same)} events have the id {event_id}")
        return same[0]

    def refusal(self, text, channel, persons=None, action="refuse"):
        """The text names one event, and that is of a refusal on this channel."""
        ids = set(EVENT_ID.findall(self.said(text)))
        need(len(ids) == 1, f"{len(ids)} event ids in: {text[-2000:]!r}")
        e = self.event(ids.pop())
        told = json.dumps(e)
        need(e["event"]["action"] == action, f"action: {told}")
        need(e["sluss"]["verdict"] == action, f"verdict: {told}")
        need(e["sluss"]["mode"] == "enforce", f"mode: {told}")
        need(e["sluss"]["channel"] == channel, f"channel: {told}")
        if persons is not None:
            need(sluss.count_of(e, "persons") == persons, f"persons: {told}")
        return e

    def check_canary(self):
        """No identifier that was sent is in clear in what the gateway wrote or said."""
        everything = "\n".join(self.words) + self.event_text() + self.log()
        for n in set(self.persons.used):
            for form in shown(n):
                need(form not in everything, f"an identifier is in clear: {form[:4]}…")

    def check_gaps(self):
        """Nothing was lost on these wires: what the gateway says itself is no gap in a stream."""
        for e in self.events():
            need("gap" not in e["sluss"].get("flags", []), json.dumps(e))

    def end(self):
        self.cases.run("no gap", self.check_gaps)
        self.cases.run("no identifier in clear", self.check_canary)
        self.cases.run("stops", self.stop)
        self.cases.run("no identifier in clear at the end", self.check_canary)
        return self.cases.end()


def must_fail(function, *args):
    try:
        function(*args)
    except AssertionError:  # and nothing else: what a case needs didn't come about
        return
    raise AssertionError("it held although nothing was refused")


def read(path):
    with open(path, "rb") as f:
        return f.read()


@contextlib.contextmanager
def inline(name, kind="af_packet", **more):
    """with inline("inline-web") as t: …; the gateway isn't started yet."""
    netlab.need_root()
    with netlab.Hugepages(0 if BRIDGE else HUGEPAGES), netlab.InlineLab(kind, **more) as lab:
        yield Inline(f"{name} {'bridge' if BRIDGE else kind}", lab)


def on_each_kind(name, cases, kinds=KINDS):
    """Run `cases(t)` with a gateway on each kind of port; the status for the shell."""
    status = 0
    for kind in kinds[:1] if BRIDGE else kinds:
        with inline(name, kind) as t:
            cases(t)
            status |= t.end()
    return status
