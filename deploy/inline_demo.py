#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway between a ward and a supplier, for half a minute: two network
namespaces, a third one with `sluss run` between them, clean and violating
uploads over HTTP and SMTP, and what sender and receiver see of each.

Needs root and hugepages, and nothing but Python and iproute2. Namespaces and
hugepages are gone afterwards, however it ends.

usage: inline_demo.py SLUSS FOLDER      FOLDER: for the site configuration, the events, the log
"""

import ctypes
import fcntl
import http.server
import json
import os
import signal
import smtplib
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from email.message import EmailMessage

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
import identifiers  # noqa: E402

WARD, SUPPLIER = "10.10.0.5", "192.0.2.9"  # as the example policy has them
HTTP, SMTP = 80, 25
PERSONS = [identifiers.hyphenated(n) for n in list(identifiers.test_personnummer())[:14000:2000]]
REPORT = "vecka;avvikelser\n" + "".join(f"{w};inga\n" for w in range(1, 53))
PATIENTS = "personnummer;bedömning\n" + "".join(f"{p};anamnes: huvudvärk\n" for p in PERSONS)

# Small, so that any machine has room for it; `sluss limits` tells the defaults.
SITE = """observer: demo
policy: {policy}
pairs: [["af_packet:sluss0", "af_packet:sluss1"]]
events: {{file: events.jsonl, log: alerts}}
limits: {{inspect_memory: 32 MiB, flows: 4096, packet_buffers: 16384, tcp_segments: 4096,
  fragment_datagrams: 64, ndpi_flows: 1024}}
"""
HUGEPAGES = 128


class Skip(Exception):
    """This machine can't show it, and that is no failure."""


# ---- hugepages, as many more as are needed, and no fewer afterwards ----

def add_hugepages(n):
    """How many there were, and are."""
    with open("/proc/sys/vm/nr_hugepages", "r+", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        before = int(f.read())
        f.seek(0)
        f.write(f"{max(0, before + n)}\n")
        f.flush()
        f.seek(0)
        return before, int(f.read())


class Hugepages:
    def __init__(self, n):
        self.n = n

    def __enter__(self):
        try:
            before, after = add_hugepages(self.n)
        except OSError as e:
            raise Skip(f"no hugepages can be had here ({e})") from None
        if after < before + self.n:
            add_hugepages(before - after)
            raise Skip(f"the kernel has no room for {self.n} hugepages of 2 MiB")

    def __exit__(self, *exc):
        add_hugepages(-self.n)


# ---- namespaces without a name: they go with the processes that use them ----

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def namespace():
    """A descriptor of a new network namespace."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    if LIBC.unshare(CLONE_NEWNET) != 0:
        why = os.strerror(ctypes.get_errno())
        os.close(own)
        raise Skip(f"no network namespace can be made here ({why})")
    made = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(own)
    os.close(own)
    return made


def enter(fd):
    if LIBC.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def ip(ns, *args):
    try:
        p = subprocess.run(("ip",) + args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, check=False, preexec_fn=lambda: enter(ns))
    except FileNotFoundError:
        raise Skip("iproute2 is not installed") from None
    if p.returncode != 0:
        raise Skip(f"`ip {' '.join(args)}` doesn't work here: {p.stdout.strip()}")


def inside(ns, function, *args):
    """Run function(*args) in a process in the namespace. @return its pid"""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            enter(ns)
            function(*args)
            sys.stdout.flush()
            status = 0
        finally:
            os._exit(status)
    return pid


def cable(ns, device, own, far, gateway, port):
    """An end of the wire, and the gateway's port at its other end."""
    path = f"/proc/{os.getpid()}/fd/{gateway}"
    ip(ns, "link", "add", device, "type", "veth", "peer", "name", port, "netns", path)
    ip(ns, "link", "set", "lo", "up")
    ip(ns, "link", "set", device, "addrgenmode", "none")
    ip(ns, "addr", "add", own + "/32", "dev", device)
    ip(ns, "link", "set", device, "up")
    ip(ns, "route", "add", far + "/32", "dev", device, "src", own)
    ip(gateway, "link", "set", port, "addrgenmode", "none")
    ip(gateway, "link", "set", port, "up")


# ---- the supplier: keeps what arrives whole ----

class Web(http.server.BaseHTTPRequestHandler):
    folder = ""

    def do_PUT(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if len(data) == int(self.headers["Content-Length"]):
            with open(os.path.join(self.folder, os.path.basename(self.path)), "wb") as f:
                f.write(data)
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


class Mail(socketserver.StreamRequestHandler):
    """As much SMTP as smtplib speaks."""
    folder = ""

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def content(self):
        """The mail; None when its end never came."""
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)
        return None

    def handle(self):
        self.say("220 mx.leverantor.example")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.say("354 Go on")
                data = self.content()
                if data is None:
                    return
                with open(os.path.join(self.folder, "mail.eml"), "ab") as f:
                    f.write(data)
                self.say("250 2.0.0 Ok")
            elif verb == b"QUIT":
                self.say("221 2.0.0 Bye")
                return
            else:
                self.say("250 2.0.0 Ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # the gateway's reset ends a connection: that is what is shown here


def serve(folder):
    Web.folder = Mail.folder = folder
    web, mail = Server((SUPPLIER, HTTP), Web), Server((SUPPLIER, SMTP), Mail)
    threading.Thread(target=mail.serve_forever, daemon=True).start()
    web.serve_forever()


# ---- the ward: sends, and shows what it is told ----

def put(name, text):
    request = urllib.request.Request(f"http://{SUPPLIER}/{name}", text.encode(), method="PUT",
                                     headers={"Accept": "application/json",
                                              "Content-Type": "text/csv"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return f"{answer.status} {answer.reason}"
    except urllib.error.HTTPError as e:
        return f"{e.code} {e.reason}\n{e.read().decode().strip()}"


def send(name, text):
    mail = EmailMessage()
    mail["From"], mail["To"] = "anna@vard.example", "support@leverantor.example"
    mail["Subject"] = name
    mail.set_content("Se bilagan.\n")
    mail.add_attachment(text, subtype="csv", filename=name)
    try:
        with smtplib.SMTP(SUPPLIER, SMTP, local_hostname="ward.vard.example", timeout=20) as s:
            s.send_message(mail)
            return "250, sent"
    except smtplib.SMTPDataError as e:
        return f"{e.smtp_code} {e.smtp_error.decode()}"


def upload():
    for what, function in (("HTTP PUT of", put), ("a mail with", send)):
        for name, text, about in (("report.csv", REPORT, "no identifiers"),
                                  ("patients.csv", PATIENTS, f"{len(PERSONS)} patients")):
            said = function(name, text).replace("\n", "\n      ")
            print(f"  {what} {name} ({about})\n      {said}")


def reach(seconds):
    """The gateway forwards when the supplier answers."""
    for _ in range(seconds * 2):
        with socket.socket() as s:
            s.settimeout(0.5)
            if s.connect_ex((SUPPLIER, HTTP)) == 0:
                return
            time.sleep(0.1)
    sys.exit("no way through the gateway")


# ---- the whole ----

def wait_for(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def show_what_arrived(folder):
    print("\nWhat the supplier has of it:")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            data = f.read()
        persons = sum(p.encode() in data for p in PERSONS)
        print(f"  {name}: {len(data)} bytes, {persons} patients")
        if persons > 0:
            sys.exit("inline demo: the gateway let patients pass")


def show_events(path):
    with open(path, encoding="utf-8") as f:
        events = [json.loads(line) for line in f]
    print(f"\nThe events in {path}:")
    for e in events:
        print(f"  {e['event']['id']} {e['event']['action']}: {e['event']['reason']}")
    if [e["event"]["action"] for e in events] != ["refuse", "refuse"]:
        sys.exit("inline demo: two refusals were expected")


def demo(sluss, folder, ward, gateway, supplier):
    arrived = os.path.join(folder, "arrived")
    os.makedirs(arrived)
    with open(os.path.join(folder, "site.yaml"), "w", encoding="utf-8") as f:
        policy = os.path.join(HERE, "..", "policy", "examples", "default.yaml")
        f.write(SITE.format(policy=os.path.normpath(policy)))
    cable(ward, "ward", WARD, SUPPLIER, gateway, "sluss0")
    cable(supplier, "supplier", SUPPLIER, WARD, gateway, "sluss1")
    server = inside(supplier, serve, arrived)
    site, log = os.path.join(folder, "site.yaml"), os.path.join(folder, "sluss.log")
    with open(log, "wb") as out:
        process = subprocess.Popen([sluss, "run", "--config", site], stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out, preexec_fn=lambda: enter(gateway))
    try:
        print(f"\n$ sluss run --config {os.path.relpath(site)}")
        if wait_for(inside(ward, reach, 20)) != 0:
            with open(log, encoding="utf-8", errors="replace") as f:
                sys.exit(f"inline demo: no way through the gateway\n{f.read()}")
        print("stands between a ward and a supplier. What the ward sends, and is told:\n")
        wait_for(inside(ward, upload))
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=30)
        end(server)
    show_what_arrived(arrived)
    show_events(os.path.join(folder, "events.jsonl"))
    print(f"\nWhat sluss said of itself, with its summary: {os.path.relpath(log)}")
    if status != 0:
        sys.exit(f"inline demo: sluss ended with status {status}")


def main():
    sluss, folder = sys.argv[1:3]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if os.geteuid() != 0:
            raise Skip("it needs root")
        with Hugepages(HUGEPAGES):
            demo(sluss, folder, namespace(), namespace(), namespace())
    except Skip as e:
        print(f"\nThe inline demo is left out: {e}.")


main()
