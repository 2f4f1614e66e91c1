# SPDX-License-Identifier: GPL-3.0-or-later
"""Inline, files: curl and lftp to vsftpd through the gateway. A clean file
arrives bit for bit; an upload above its ceiling gets the 550, and what the server
keeps of it is no list.
"""

import os
import random
import re
import sys

import inline
import netlab
import uploads
from inline import need
from postfix import make_certificate

BASE = f"ftp://{netlab.SERVER}"
TLS = """ssl_enable=YES
allow_anon_ssl=YES
force_local_logins_ssl=NO
force_local_data_ssl=NO
require_ssl_reuse=NO
rsa_cert_file={dir}/cert.pem
rsa_private_key_file={dir}/key.pem
"""


class Ftp:
    def __init__(self, t):
        self.t, self.lab = t, t.lab

    def curl(self, *args):
        """(exit status, all that curl says)"""
        out = self.lab.client("sh", "-c", '"$@"; echo "exit=$?"', "sh", "curl", "-sSv", "--max-time",
                              "40", *args)
        return int(re.search(r"exit=(\d+)\s*$", out).group(1)), out

    def lftp(self, commands, url=BASE):
        out = self.lab.client("sh", "-c", '"$@"; echo "exit=$?"', "sh", "lftp", "-d", "-e",
                              "set net:max-retries 1; set net:timeout 10; set net:persist-retries 0; "
                              "set net:reconnect-interval-base 1; set cmd:fail-exit yes; "
                              f"set ftp:ssl-allow no; {commands}; bye", url)
        return int(re.search(r"exit=(\d+)\s*$", out).group(1)), out

    def stored(self, name):
        path = self.lab.path("ftp/in/" + name)
        return inline.read(path) if os.path.exists(path) else None


# ---- clean ----

MODES = {"passive": (), "epsv off": ("--disable-epsv",), "active": ("-P", netlab.CLIENT),
         "PORT": ("-P", netlab.CLIENT, "--disable-eprt")}


def put_clean(t, ftp, mode, size):
    name = f"{mode.replace(' ', '-')}-{size}.bin"
    data = random.Random(size).randbytes(size)
    status, out = ftp.curl("-T", t.lab.file(name, data), *MODES[mode], f"{BASE}/in/{name}")
    need(status == 0, out)
    need(ftp.stored(name) == data, f"{name} arrived changed")


def get_clean(t, ftp, mode, size):
    name = f"get-{size}.bin"
    data = random.Random(size + 1).randbytes(size)
    t.lab.file("ftp/" + name, data)
    got = t.lab.path("got-" + name)
    status, out = ftp.curl("-o", got, *MODES[mode], f"{BASE}/{name}")
    need(status == 0, out)
    need(inline.read(got) == data, f"{name} arrived changed")


def mput_clean(t, ftp):
    """A hundred files by lftp in one session."""
    rng = random.Random(9)
    files = {f"m{i}.bin": rng.randbytes(rng.randrange(20_000)) for i in range(100)}
    for name, data in files.items():
        t.lab.file("mput/" + name, data)
    status, out = ftp.lftp(f"mput -O /in {t.lab.path('mput')}/*.bin")
    need(status == 0, out)
    for name, data in files.items():
        need(ftp.stored(name) == data, f"{name} arrived changed")


def two_persons(t, ftp):
    data = t.persons.table(2) * 300
    status, out = ftp.curl("-T", t.lab.file("two.csv", data), f"{BASE}/in/two.csv")
    need(status == 0, out)
    need(ftp.stored("two.csv") == data, "changed")


# ---- refused ----

def not_there(ftp, name, numbers):
    """No file, or the begin of one: what had left before the list was complete."""
    data = ftp.stored(name)
    need(data is None or inline.persons_in(data, numbers) < 3, f"the server has the list: {name}")
    return data


def put(t, ftp, mode="passive", before=b"", after=b"", url=None):
    numbers = t.persons.take(3)
    name = f"lista-{len(t.persons.used)}.csv"
    path = t.lab.file(name, before + inline.table(numbers) + after)
    status, out = ftp.curl("-T", path, *MODES[mode], f"{url or BASE}/in/{name}")
    data = not_there(ftp, name, numbers)
    need(data is None or (before + inline.table(numbers)).startswith(data), "what it has is other")
    need(status != 0, "curl takes it for a success\n" + out)
    answers = [line for line in out.splitlines() if line.startswith("< 550")]
    need(len(answers) == 1, out)
    e = t.refusal(answers[0], "file", persons=3)
    need(e["file"]["name"] == name, str(e["file"]))


def put_epsv_off(t, ftp):
    put(t, ftp, "epsv off")


def put_active(t, ftp):
    put(t, ftp, "active")


def put_port(t, ftp):
    put(t, ftp, "PORT")


def put_long(t, ftp):
    filler = b"bara ord i en rad\r\n" * 80_000
    put(t, ftp, before=filler, after=filler)


def lftp_put(t, ftp):
    numbers = t.persons.take(3)
    path = t.lab.file("lftp.csv", inline.table(numbers))
    status, out = ftp.lftp(f"put -O /in {path}")
    not_there(ftp, "lftp.csv", numbers)
    need(status != 0, "lftp takes it for a success\n" + out)
    answers = [line for line in out.splitlines() if line.startswith("<--- 550")]
    need(answers, out)
    t.refusal("\n".join(answers), "file", persons=3)


def lftp_mput(t, ftp):
    """Among others: those before it are there, the list is not."""
    numbers = t.persons.take(3)
    t.lab.file("mix/a.csv", b"bara ord\r\n")
    t.lab.file("mix/b.csv", inline.table(numbers))
    status, out = ftp.lftp(f"mput -O /in {t.lab.path('mix')}/*.csv")
    need(ftp.stored("a.csv") == b"bara ord\r\n", "the clean file didn't come\n" + out)
    not_there(ftp, "b.csv", numbers)
    need(status != 0, "lftp takes it for a success\n" + out)
    answers = [line for line in out.splitlines() if line.startswith("<--- 550")]
    need(answers, out)
    t.said(out)


def then_clean(t, ftp):
    put(t, ftp)
    put_clean(t, ftp, "passive", 4321)


def get(t, ftp, before=b""):
    """RETR: the client gets no list, and knows that what it has isn't whole."""
    numbers = t.persons.take(3)
    name = f"ut-{len(t.persons.used)}.csv"
    t.lab.file("ftp/" + name, before + inline.table(numbers))
    got = t.lab.path("got-" + name)
    status, out = ftp.curl("-o", got, f"{BASE}/{name}")
    data = inline.read(got) if os.path.exists(got) else b""
    need(inline.persons_in(data, numbers) < 3, "the client has the list")
    need(status != 0, "curl takes the part for the whole\n" + out)
    t.said(out)


def get_long(t, ftp):
    get(t, ftp, b"bara ord i en rad\r\n" * 80_000)


def auth_tls_passes(t, ftp):
    """Elsewhere it passes, with the files behind it, as the policy says. (With TLS 1.3
    curl closes while session tickets are still on their way, and its kernel answers them with
    an RST before the upload's last bytes are sent.)"""
    data = random.Random(3).randbytes(50_000)
    status, out = ftp.curl("--ssl-reqd", "-k", "--tls-max", "1.2", "-T", t.lab.file("tls.bin", data),
                           f"{BASE}/in/tls.bin")
    need(status == 0, out)
    need(ftp.stored("tls.bin") == data, "changed")


def auth_tls(t, ftp):
    """Where nothing opaque may go, AUTH TLS gets a 5xx and the close."""
    status, out = ftp.curl("--ssl-reqd", "-k", f"ftp://{netlab.CLOSED}/")
    need(status != 0, out)
    answers = [line for line in out.splitlines() if re.match(r"< 5\d\d", line)]
    need(answers and all(inline.EVENT_ID.search(a) for a in answers), out)
    e = t.event(inline.EVENT_ID.findall(t.said(answers[0]))[0])
    need(e["event"]["action"] == "refuse", inline.json.dumps(e))


# ---- judged only, or not read ----

def shadow(t, ftp):
    data = t.persons.table(3)
    status, out = ftp.curl("-T", t.lab.file("shadow.csv", data),
                           f"ftp://{netlab.SHADOWED}/in/shadow.csv")
    need(status == 0, out)
    need(ftp.stored("shadow.csv") == data, "changed")
    if inline.BRIDGE:
        return

    def hits():
        return [e for e in t.events() if e.get("file", {}).get("name") == "shadow.csv"]
    netlab.wait_for(hits, "the event of a shadowed file", 10)
    e = hits()[0]
    need((e["sluss"]["mode"], e["event"]["action"], e["sluss"]["verdict"]) ==
         ("shadow", "forward", "refuse"), inline.json.dumps(e))


def exempt(t, ftp):
    data = t.persons.table(3)
    status, out = ftp.curl("-T", t.lab.file("exempt.csv", data),
                           f"ftp://{netlab.EXEMPT}/in/exempt.csv")
    need(status == 0, out)
    need(ftp.stored("exempt.csv") == data, "changed")
    need("exempt.csv" not in t.event_text(), "an exempt pair has events")


def cases(t):
    uploads.ftp_folders(t.lab)
    conf = t.lab.file("vsftpd.conf", uploads.VSFTPD.format(
        dir=t.lab.dir, address="0.0.0.0", port=21) + TLS.format(dir=t.lab.dir))
    make_certificate(t.lab.dir, "leverantor.example")
    t.lab.serve(21, "vsftpd", conf)
    t.start()
    ftp = Ftp(t)
    for mode in MODES:
        for size in (0, 1, 70_000, 5_000_011):
            t.clean(f"put {size} bytes, {mode}", put_clean, ftp, mode, size)
            t.clean(f"get {size} bytes, {mode}", get_clean, ftp, mode, size)
    t.clean("put 50 MiB", put_clean, ftp, "passive", 50 << 20)
    for f in (mput_clean, two_persons, auth_tls_passes):
        t.clean(f.__name__, f, ftp)
    for f in (put, put_epsv_off, put_active, put_port, put_long, lftp_put, lftp_mput, then_clean,
              get, get_long, auth_tls):
        t.refused(f.__name__, f, ftp)
    t.clean("shadow", shadow, ftp)
    t.clean("exempt", exempt, ftp)


sys.exit(inline.on_each_kind("inline-ftp", cases))
