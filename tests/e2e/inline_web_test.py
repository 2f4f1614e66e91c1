# SPDX-License-Identifier: GPL-3.0-or-later
"""Inline, web: curl to nginx through the gateway. Clean bodies arrive bit for
bit; one that goes above its ceiling gets the 403, and nginx keeps no file.
"""

import hashlib
import os
import random
import re
import sys

import inline
import netlab
import uploads
from inline import need

BASE = f"http://{netlab.SERVER}"
BIG = 50 << 20


class Web:
    def __init__(self, t):
        self.t, self.lab = t, t.lab

    def curl(self, *args, check=True):
        """Status lines, headers, bodies and messages of curl, and its exit status."""
        p = self.lab.client("sh", "-c", 'curl -sS --max-time 50 "$@"; echo "exit=$?"', "curl", *args)
        status = int(re.search(r"exit=(\d+)\s*$", p).group(1))
        if check:
            need(status == 0, f"curl {args}: {p}")
        return p

    def stored(self, name):
        return self.lab.path(f"www/upload/{name}")


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def random_file(lab, name, size, seed):
    return lab.file(name, random.Random(seed).randbytes(size))


# ---- clean ----

def put_clean(t, web, size, *args):
    name = f"clean-{size}-{len(args)}.bin"
    path = random_file(t.lab, name, size, size)
    web.curl("--fail", *args, "-T", path, f"{BASE}/upload/{name}")
    need(digest(web.stored(name)) == digest(path), f"{name} arrived changed")


def get_clean(t, web, size):
    path = random_file(t.lab, f"www/page/get-{size}.bin", size, size + 1)
    got = t.lab.path(f"got-{size}.bin")
    web.curl("--fail", "-o", got, f"{BASE}/page/get-{size}.bin")
    need(digest(got) == digest(path), f"{size} bytes arrived changed")


def put_two_persons(t, web):
    """What stays below the ceiling isn't touched, however often it comes near it."""
    data = t.persons.table(2) * 500
    path = t.lab.file("two.csv", data)
    web.curl("--fail", "-T", path, f"{BASE}/upload/two.csv")
    need(inline.read(web.stored("two.csv")) == data, "two persons arrived changed")


def many_small(t, web):
    """Two hundred files on few connections, 0 to 4 KiB."""
    rng = random.Random(7)
    config = []
    for i in range(200):
        t.lab.file(f"many/{i}", rng.randbytes(rng.randrange(4096)))
        config.append(f'upload-file = "{t.lab.path(f"many/{i}")}"\n'
                      f'url = "{BASE}/upload/many/{i}"\noutput = /dev/null\n')
    web.curl("--fail", "-K", t.lab.file("many.conf", "next\n".join(config)))
    for i in range(200):
        need(digest(web.stored(f"many/{i}")) == digest(t.lab.path(f"many/{i}")), f"file {i}")


def put_ipv6(t, web):
    path = random_file(t.lab, "six.bin", 300_000, 6)
    web.curl("--fail", "-T", path, f"http://[{netlab.SERVER6}]/upload/six.bin")
    need(digest(web.stored("six.bin")) == digest(path), "changed")


# ---- refused ----

def no_file(t, web, name, numbers):
    need(not os.path.exists(web.stored(name)), f"nginx has {name}")
    # Nor elsewhere in its folders, temporary files among them.
    for folder in ("www", "nginx-body"):
        for at, _, files in os.walk(t.lab.path(folder)):
            for f in files:
                try:
                    data = inline.read(os.path.join(at, f))
                except FileNotFoundError:
                    continue  # it went away meanwhile: all the better
                need(inline.persons_in(data, numbers) < 3, f"{f} holds the list")


def refuse(t, web, name, *args, url=None, before=b"", after=b"", json=False):
    """One upload of three persons; `{}` in args is its file."""
    numbers = t.persons.take(3)
    path = t.lab.file(name, before + inline.table(numbers) + after)
    head = t.lab.path(name + ".head")
    out = web.curl("-D", head, *[a.replace("{}", path) for a in args],
                   url or f"{BASE}/upload/{name}", check=False)
    no_file(t, web, name, numbers)
    heads = inline.read(head).decode()
    statuses = re.findall(r"^HTTP/1\.1 (\d+)", heads, re.M)
    need(statuses and statuses[-1] == "403", f"{statuses}\n{heads}\n{out}")
    need("exit=0" in out, out)
    last = heads.rstrip().split("\r\n\r\n")[-1].lower()
    if json:
        need("content-type: application/json" in last, heads)
        inline.json.loads(out[:out.index("exit=")])
    else:
        need("content-type: text/html" in last or "content-type: text/plain" in last, heads)
    return t.refusal(out, "web", persons=3)


def put(t, web):
    refuse(t, web, "put.csv", "-T", "{}")


def put_long(t, web):
    """The list is behind two megabytes that are already on their way to nginx."""
    filler = b"en rad utan nummer, bara ord\r\n" * 70_000
    refuse(t, web, "long.csv", "-T", "{}", before=filler, after=filler)


def chunked(t, web):
    refuse(t, web, "chunked.csv", "-T", "{}", "-H", "Transfer-Encoding: chunked")


def from_stdin(t, web):
    """`curl -T -`: a body whose length nobody knows."""
    numbers = t.persons.take(3)
    path = t.lab.file("stdin.csv", inline.table(numbers))
    out = t.lab.client("sh", "-c", f"curl -sS --max-time 30 -i -T - {BASE}/upload/stdin.csv < {path}")
    no_file(t, web, "stdin.csv", numbers)
    need(re.search(r"^HTTP/1\.1 403", out, re.M), out)
    t.refusal(out, "web", persons=3)


def expect_continue(t, web):
    refuse(t, web, "expect.csv", "-T", "{}", "-H", "Expect: 100-continue",
           before=b"bara ord\r\n" * 300_000)


def form(t, web):
    """To an address that reads its body; one that doesn't may answer before the list comes."""
    refuse(t, web, "form.csv", "-X", "PUT", "-F", "note=hej", "-F", "fil=@{};type=text/csv")


def urlencoded(t, web):
    refuse(t, web, "urlencoded.csv", "-X", "PUT", "--data-urlencode", "text@{}")


def json_words(t, web):
    refuse(t, web, "json.csv", "-H", "Accept: application/json", "-T", "{}", json=True)


def keep_alive(t, web):
    """On one connection a clean file, then the list: the first stays, the second is refused."""
    numbers = t.persons.take(3)
    clean = t.lab.file("first.csv", b"bara ord\r\n")
    bad = t.lab.file("second.csv", inline.table(numbers))
    out = web.curl("-v", "-T", clean, f"{BASE}/upload/first.csv",
                   "-T", bad, f"{BASE}/upload/second.csv", check=False)
    need("Re-using existing connection" in out, "two connections: " + out)
    need(inline.read(web.stored("first.csv")) == b"bara ord\r\n", "the first file")
    no_file(t, web, "second.csv", numbers)
    need(re.findall(r"< HTTP/1\.1 (\d+)", out)[-1] == "403", out)
    need("exit=0" in out, out)
    t.refusal(out, "web", persons=3)


def then_clean(t, web):
    """A refusal ends its connection, not the next one."""
    refuse(t, web, "then.csv", "-T", "{}")
    put_clean(t, web, 12_345)


def ipv6(t, web):
    refuse(t, web, "six.csv", "-T", "{}", url=f"http://[{netlab.SERVER6}]/upload/six.csv")


def host_decides(t, web):
    """The Host names a stricter domain than the address: two persons are too many for it."""
    numbers = t.persons.take(1)
    path = t.lab.file("host.csv", inline.table(numbers))
    out = web.curl("-i", "--connect-to", f"sluten.example:80:{netlab.SERVER}:80", "-H",
                   "Host: hemlig.sluten.example", "-T", path, "http://sluten.example/upload/host.csv",
                   check=False)
    need("HTTP/1.1 20" in out, "a host below the listed one is another: " + out)
    numbers = t.persons.take(3)
    path = t.lab.file("host.csv", inline.table(numbers))
    out = web.curl("-i", "--connect-to", f"sluten.example:80:{netlab.SERVER}:80", "-T", path,
                   "http://sluten.example/upload/host2.csv", check=False)
    need(not os.path.exists(web.stored("host2.csv")), "nginx has it")
    e = t.refusal(out, "web", persons=3)
    need("sluten" in e["sluss"]["to"], str(e["sluss"]["to"]))


def download(t, web):
    """Data has a direction: what a client fetches is refused as surely. The answer began, so
    that no words fit: the client's transfer breaks."""
    numbers = t.persons.take(3)
    t.lab.file("www/page/lista.csv", inline.table(numbers))
    got = t.lab.path("lista.csv")
    out = web.curl("-o", got, f"{BASE}/page/lista.csv", check=False)
    data = inline.read(got) if os.path.exists(got) else b""
    need(inline.persons_in(data, numbers) < 3, "the client has the list")
    need("exit=0" not in out, "curl takes the part for the whole: " + out)


def download_long(t, web):
    numbers = t.persons.take(3)
    t.lab.file("www/page/long.csv", b"bara ord\r\n" * 200_000 + inline.table(numbers))
    got = t.lab.path("long-got.csv")
    out = web.curl("-o", got, f"{BASE}/page/long.csv", check=False)
    data = inline.read(got) if os.path.exists(got) else b""
    need(inline.persons_in(data, numbers) < 3, "the client has the list")
    need("exit=0" not in out, "curl takes the part for the whole: " + out)


# ---- judged only, or not read ----

def shadow(t, web):
    data = t.persons.table(3)
    path = t.lab.file("shadow.csv", data)
    web.curl("--fail", "-T", path, f"http://{netlab.SHADOWED}/upload/shadow.csv")
    need(inline.read(web.stored("shadow.csv")) == data, "changed")
    if inline.BRIDGE:
        return

    def hits():
        return [e for e in t.events() if e.get("destination", {}).get("ip") == netlab.SHADOWED
                and inline.sluss.count_of(e, "persons") == 3]
    netlab.wait_for(hits, "the event of a shadowed upload", 10)
    need(len(hits()) == 1, "events")
    e = hits()[0]
    need((e["sluss"]["mode"], e["event"]["action"], e["sluss"]["verdict"]) ==
         ("shadow", "forward", "refuse"), inline.json.dumps(e))


def exempt(t, web):
    data = t.persons.table(3)
    path = t.lab.file("exempt.csv", data)
    web.curl("--fail", "-T", path, f"http://{netlab.EXEMPT}/upload/exempt.csv")
    need(inline.read(web.stored("exempt.csv")) == data, "changed")
    need(netlab.EXEMPT not in t.event_text(), "an exempt pair has events")


def start(t):
    nginx = uploads.NGINX.format(dir=t.lab.dir, address="0.0.0.0").replace(
        "listen 0.0.0.0:80;", "listen 0.0.0.0:80; listen [::]:80;")
    uploads.web_folders(t.lab)
    t.lab.serve(80, "nginx", "-c", t.lab.file("nginx.conf", nginx), "-p", t.lab.dir)
    t.start()
    return Web(t)


def with_partial_checksums():
    """The peers leave checksums to a network card that isn't there."""
    with inline.inline("inline-web, partial checksums", tx_checksum=True) as t:
        web = start(t)
        t.clean("put", put_clean, web, 1_000_003)
        t.clean("get", get_clean, web, 1_000_003)
        t.clean("put over IPv6", put_ipv6, web)
        t.refused("put", put, web)
        t.refused("put_long", put_long, web)
        return t.end()


def cases(t):
    web = start(t)
    for size in (0, 1, 1460, 65_536, 1_000_003, BIG):
        t.clean(f"put {size} bytes", put_clean, web, size)
        t.clean(f"get {size} bytes", get_clean, web, size)
    t.clean("put chunked", put_clean, web, 2_000_000, "-H", "Transfer-Encoding: chunked")
    t.clean("two persons", put_two_persons, web)
    t.clean("two hundred files", many_small, web)
    t.clean("put over IPv6", put_ipv6, web)
    for f in (put, put_long, chunked, from_stdin, expect_continue, form, urlencoded, json_words,
              keep_alive, then_clean, ipv6, host_decides, download, download_long):
        t.refused(f.__name__, f, web)
    t.clean("shadow", shadow, web)
    t.clean("exempt", exempt, web)


sys.exit(with_partial_checksums() | inline.on_each_kind("inline-web", cases))
