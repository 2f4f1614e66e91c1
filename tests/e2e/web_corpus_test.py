# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an identifier can be in HTTP, and how it can be written there: each is found.

One connection for each place; the event of that connection must hold the
finding, and no output may hold the number.
"""

import base64
import gzip
import os
import sys
import tempfile
import zlib

import sluss
from canary_test import CLIENT, POLICY, SERVER, Plants, Searcher
from mail_corpus_test import pseudonym

sys.path.insert(0, os.path.join(sluss.ROOT, "tests", "support"))
import wire  # noqa: E402

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
FORM = "Content-Type: multipart/form-data; boundary=gr"


def request(head=(), body=b"hej", target="/x"):
    """A POST; `body` may be text."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"POST {target} HTTP/1.1", "Host: leverantor.example", *head,
             f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body, OK


def response(head=(), body=b"hej"):
    lines = ["HTTP/1.1 200 OK", *head, f"Content-Length: {len(body)}", "", ""]
    return b"GET /x HTTP/1.1\r\nHost: leverantor.example\r\n\r\n", \
        "\r\n".join(lines).encode() + body


def chunked(frames):
    return (b"POST /x HTTP/1.1\r\nHost: leverantor.example\r\nTransfer-Encoding: chunked\r\n\r\n" +
            frames.encode()), OK


def part(head, body):
    return f"--gr\r\n{head}\r\n\r\n{body}\r\n--gr--\r\n"


def escaped(n):
    return n.replace("-", "%2D")


def json_escaped(n):
    return "\\u0020" + n.replace("-", "\\u002d")


def raw_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def mail(n):
    return "Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + \
        base64.b64encode(n.encode()).decode()


DISPOSITION = "Content-Disposition: form-data; name=f"
PLACES = {  # name: what makes (request, response) of an identifier
    "path": lambda n: request(target=f"/p/{n}/x"),
    "path, escaped": lambda n: request(target=f"/p%20{escaped(n)}/x"),
    "query": lambda n: request(target=f"/p?pnr={n}"),
    "query, plus for a blank": lambda n: request(target=f"/p?a=nr+{escaped(n)}+x"),
    "header": lambda n: request([f"X-P: {n}"]),
    "cookie": lambda n: request([f"Cookie: a=1; p={n}"]),
    "cookie, escaped": lambda n: request([f"Cookie: a=b%20{escaped(n)}"]),
    "Referer, escaped": lambda n: request([f"Referer: http://x.example/?p=%20{escaped(n)}"]),
    "Location, escaped": lambda n: response([f"Location: /a%20{escaped(n)}"]),
    "file name": lambda n: response([f"Content-Disposition: attachment; filename=\"{n}.txt\""]),
    "file name, not ASCII": lambda n: response(
        [f"Content-Disposition: attachment; filename=\"å {n}.txt\""]),
    "file name, RFC 8187": lambda n: response(
        [f"Content-Disposition: attachment; filename*=UTF-8''r%C3%A5%20{escaped(n)}"]),
    "file name, RFC 8187, another charset": lambda n: response(
        [f"Content-Disposition: attachment; filename*=iso-8859-1''r%E5%20{escaped(n)}"]),
    "response body": lambda n: response(body=f"svar {n}".encode()),
    "response, gzip": lambda n: response(["Content-Encoding: gzip"],
                                         gzip.compress(f"svar {n}".encode())),
    "form": lambda n: request(["Content-Type: application/x-www-form-urlencoded"],
                              f"a=x+{escaped(n)}&b="),
    "JSON": lambda n: request(["Content-Type: application/json"], f'{{"a":"{json_escaped(n)}"}}'),
    "JSON, line feed": lambda n: request(["Content-Type: application/json"], f'{{"a":"x\\n{n}"}}'),
    "JSON key": lambda n: request(["Content-Type: application/json"], f'{{"{n}":1}}'),
    "XML": lambda n: request(["Content-Type: application/soap+xml"],
                             f"<a>&#x20;{n.replace('-', '&#45;')}</a>"),
    "GraphQL": lambda n: request(["Content-Type: application/graphql"], f'{{ p(id: "{n}") }}'),
    "UTF-16": lambda n: request(["Content-Type: text/plain; charset=utf-16le"],
                                n.encode("utf-16le")),
    "UTF-16, not declared": lambda n: request(body=("rad " * 9 + n).encode("utf-16")),
    "multipart: field": lambda n: request([FORM], part(DISPOSITION, n)),
    "multipart: field name": lambda n: request([FORM], part(
        f"Content-Disposition: form-data; name=\"{n}\"", "1")),
    "multipart: file name": lambda n: request([FORM], part(
        f"{DISPOSITION}; filename=\"{n}.txt\"", "1")),
    "multipart: file name, RFC 2231": lambda n: request([FORM], part(
        f"{DISPOSITION}; filename*=utf-8''r%20{escaped(n)}", "x")),
    "multipart: file name, quotes": lambda n: request([FORM], part(
        f"{DISPOSITION}; filename=\"r %22{n}%22.txt\"", "x")),
    "multipart: JSON": lambda n: request([FORM], part(
        f"{DISPOSITION}\r\nContent-Type: application/json", f'{{"a":"{json_escaped(n)}"}}')),
    "multipart: base64": lambda n: request([FORM], part(
        f"{DISPOSITION}\r\nContent-Transfer-Encoding: base64",
        base64.b64encode(n.encode()).decode())),
    "multipart/related: HTML": lambda n: request(
        ["Content-Type: multipart/related; boundary=gr"],
        part("Content-Type: text/html", f"<p>{n[:6]}<b>{n[6:]}</b>")),
    "gzip": lambda n: request(["Content-Encoding: gzip"], gzip.compress(n.encode())),
    "x-gzip": lambda n: request(["Content-Encoding: x-gzip"], gzip.compress(n.encode())),
    "gzip twice": lambda n: request(["Content-Encoding: gzip, gzip"],
                                    gzip.compress(gzip.compress(n.encode()))),
    "gzip, not declared": lambda n: request(body=gzip.compress(n.encode())),
    "gzip, only declared": lambda n: request(["Content-Encoding: gzip"], n),
    "deflate": lambda n: request(["Content-Encoding: deflate"], zlib.compress(n.encode())),
    "deflate, raw": lambda n: request(["Content-Encoding: deflate"], raw_deflate(n.encode())),
    "a mail": lambda n: request(["Content-Type: message/rfc822"], mail(n)),
    "chunks": lambda n: chunked(f"4\r\n{n[:4]}\r\n9\r\n{n[4:]}\r\n0\r\n\r\n"),
    "chunk extension": lambda n: chunked(f"3;p={n}\r\nabc\r\n0\r\n\r\n"),
    "trailer": lambda n: chunked(f"3\r\nabc\r\n0\r\nX-P: {n}\r\n\r\n"),
}


def check_place(w, port, number):
    events = [e for e in w.events if port in (e["source"]["port"], e["destination"]["port"])]
    w.need(events, "no event")
    seen = {f["pseudonym"] for e in events for f in e["sluss"]["findings"]}
    w.need(pseudonym(number) in seen, "not found")
    w.need(all(e["sluss"]["channel"] == "web" for e in events), "not as web")


def main():
    cases = sluss.Cases("web corpus")
    plants, at = Plants(), {}
    with tempfile.TemporaryDirectory() as folder:
        policy, path = os.path.join(folder, "web.yaml"), os.path.join(folder, "web.pcap")
        with open(policy, "w") as f:
            f.write(POLICY)
        with wire.Capture(path) as cap:
            for i, (name, make) in enumerate(PLACES.items()):
                hyphened = plants.hyphen(name)
                at[name] = 41_000 + i, hyphened.replace("-", "")
                client, server = make(hyphened)
                tcp = wire.Tcp(cap, CLIENT, 41_000 + i, SERVER, 80, wire.Cut((5, 90), 3, 0.1, i))
                tcp.open()
                tcp.client(client)
                tcp.server(server)
                tcp.close()
        w = sluss.Watch("--pcap", path, policy=policy, folder=folder)
        cases.run("runs", lambda: w.need(w.status == 0, "status"))
        for name, (port, number) in at.items():
            cases.run(name, check_place, w, port, number)
        cases.run("nothing in clear", Searcher(plants).check, "web", *w.lines, w.out, w.err)
    return cases.end()


if __name__ == "__main__":
    sys.exit(main())
