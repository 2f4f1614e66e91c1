#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a mail corpus with a fixed seed and a ground truth beside it.

usage: make_mail.py FOLDER

Writes NAME.eml (CRLF lines where the sender wrote them so) and truth.json: for
each mail its family, and the identifiers planted in it with their place. Most
are made by Python's email package; what no honest encoder makes is written by
hand. Clean mails hold numbers that look like identifiers and are none.
"""

import base64
import binascii
import email.policy
import gzip
import hashlib
import json
import os
import quopri
import random
import sys
import textwrap
from email.encoders import encode_base64, encode_quopri
from email.header import Header
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import encode_rfc2231

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import identifiers  # noqa: E402

SEED = 20260324

PROSE = {
    "sv": "Hej! Återkopplar om besöket i går på mottagningen, enligt överenskommelse på måndag.",
    "de": "Guten Tag, die Übersicht über Größe und Maß folgt später, schöne Grüße.",
    "pl": "Dzień dobry, żółta łódź płynie już do śluzy, proszę o odpowiedź.",
    "ru": "Добрый день, список будет готов завтра утром, спасибо за терпение.",
    "el": "Καλημέρα σας, ο κατάλογος θα είναι έτοιμος αύριο.",
    "tr": "Günaydın, liste yarın hazır olacak, teşekkür ederim, iyi çalışmalar ğış.",
    "ja": "おはようございます。一覧表は明日の朝までに用意します。",
    "zh": "您好，名单将于明天上午准备好，谢谢您的耐心等待。",
    "zht": "您好，名單將於明天上午準備好，謝謝您的耐心等待。",
    "ko": "안녕하세요. 명단은 내일 아침까지 준비하겠습니다.",
    "en": "Good morning, the list follows tomorrow as agreed, best regards.",
    "ar": "صباح الخير، ستكون القائمة جاهزة غدا.",
}

CHARSETS = [  # name, language
    ("utf-8", "sv"), ("utf-8", "ja"), ("us-ascii", "en"), ("iso-8859-1", "sv"),
    ("iso-8859-15", "sv"), ("windows-1252", "de"), ("iso-8859-2", "pl"), ("windows-1250", "pl"),
    ("koi8-r", "ru"), ("windows-1251", "ru"), ("iso-8859-5", "ru"), ("iso-8859-7", "el"),
    ("iso-8859-9", "tr"), ("gb18030", "zh"), ("gb2312", "zh"), ("big5", "zht"),
    ("shift_jis", "ja"), ("euc-jp", "ja"), ("iso-2022-jp", "ja"), ("euc-kr", "ko"),
    ("windows-1256", "ar"), ("macintosh", "sv"), ("cp850", "sv"),
]
WIDE = ["utf-16", "utf-16le", "utf-16be", "utf-32", "utf-7"]


class Mails:
    """The corpus while it is made: names, bytes, truth."""

    def __init__(self, seed=SEED):
        self.random = random.Random(seed)
        self.numbers = list(identifiers.test_personnummer())
        self.random.shuffle(self.numbers)
        self.mails, self.planted = [], []

    def number(self, place, form=None):
        """A new identifier as somebody would write it."""
        n = self.numbers.pop()
        self.planted.append({"number": n, "place": place})
        form = form or self.random.choice(["hyphen", "hyphen", "short", "twelve"])
        return {"hyphen": identifiers.hyphenated(n), "twelve": n,
                "short": n[2:8] + "-" + n[8:]}[form]

    def text(self, language, place="body", n=2):
        """Prose with n identifiers in it."""
        lines = []
        for _ in range(n):
            lines.append(PROSE[language])
            before = self.random.choice(["", "nr ", "(", "pnr: ", "\t"])
            after = {"(": ")"}.get(before, self.random.choice([".", ",", "", ";"]))
            lines.append(f"{before}{self.number(place)}{after}")
        return "\n".join(lines + [PROSE[language], ""])

    def rows(self, n=4, place="attachment"):
        return "personnummer;namn;ort\n" + "".join(
            f"{self.number(place)};Ek {i};Mölndal\n" for i in range(n))

    def add(self, family, data, **about):
        """Take in a finished mail, and what was planted since the one before."""
        name = f"{len(self.mails):03d}-{family}"
        self.mails.append((name, data))
        about.update(name=name, family=family, planted=self.planted,
                     sha256=hashlib.sha256(data).hexdigest())
        self.planted = []
        return self.mails[-1], about


def crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def finish(message, subject="Lista", pin_boundaries=True):
    """Bytes of a message object, with fixed boundaries (Python's are random)."""
    for key, value in (("From", "Anna <a@vard.example>"), ("To", "Bo <b@leverantor.example>"),
                       ("Message-ID", "<korpus@vard.example>"), ("Subject", subject)):
        if key not in message:
            message[key] = value
    if pin_boundaries:
        for i, part in enumerate(message.walk()):
            if part.get_content_maintype() == "multipart":
                part.set_boundary(f"=_grans_{i}")
    return crlf(message.as_bytes())


def text_part(text, charset, cte):
    """A text part in exactly this charset and transfer encoding."""
    part = MIMEBase("text", "plain", charset=charset)
    part.set_payload(text.encode(charset, "replace"))
    if cte == "base64":
        encode_base64(part)
    elif cte == "quoted-printable" and charset in WIDE:
        # As binary: a line feed inside a character is no line end.
        part.set_payload(binascii.b2a_qp(text.encode(charset), istext=False).decode())
        part["Content-Transfer-Encoding"] = cte
    elif cte == "quoted-printable":
        encode_quopri(part)
    else:
        raw = part.get_payload(decode=False)
        part["Content-Transfer-Encoding"] = cte
        if isinstance(raw, bytes):
            part.set_payload(raw.decode("ascii", "surrogateescape"))
    return part


def bodies(m):
    """Every charset in every transfer encoding that can carry it."""
    for charset, language in CHARSETS:
        for cte in ("8bit", "quoted-printable", "base64"):
            part = text_part(m.text(language), charset, cte)
            yield m.add(f"text-{charset}-{cte}", finish(part))
    for charset in WIDE:
        for cte in ("base64", "quoted-printable"):
            yield m.add(f"text-{charset}-{cte}", finish(text_part(m.text("sv"), charset, cte)))
    yield m.add("text-utf-7-7bit", finish(text_part(m.text("sv"), "utf-7", "7bit")))
    for policy in (email.policy.SMTP, email.policy.SMTPUTF8, email.policy.default):
        for cte in ("7bit", "8bit", "quoted-printable", "base64"):
            mail = EmailMessage(policy=policy)
            language = "en" if cte == "7bit" else "sv"
            mail.set_content(m.text(language), cte=cte,
                             charset="us-ascii" if cte == "7bit" else "utf-8")
            yield m.add(f"modern-{cte}", finish(mail))


def attachments(m):
    names = ["lista.csv", "patienter å ä ö.csv", "Список.csv", "一覧.txt", "a" * 90 + ".csv"]
    for charset in ("utf-8", "iso-8859-1", "windows-1252", "utf-16", "gb18030"):
        for i, name in enumerate(names):
            mail = EmailMessage(policy=email.policy.SMTP)
            mail.set_content("Se bilagan.\n")
            plant = name.replace(".", f" {m.number('file name')}.")
            mail.add_attachment(m.rows().encode(charset), maintype=["text", "application"][i % 2],
                                subtype=["csv", "octet-stream"][i % 2], filename=plant,
                                cte=["base64", "quoted-printable"][i % 3 == 2])
            yield m.add(f"attachment-{charset}", finish(mail))
    for n in (1, 3, 9):
        mail = MIMEMultipart()
        mail.attach(MIMEText("Flera.\n"))
        for i in range(n):
            part = MIMEApplication(m.rows(1).encode(), "vnd.ms-excel")
            part["Content-Disposition"] = f"attachment; filename=del{i}.csv"
            mail.attach(part)
        yield m.add("several-attachments", finish(mail))


def names(m):
    """RFC 2231 and RFC 2047 in names, whole and in pieces."""
    for how in ("2231", "2231-pieces", "2231-mixed", "2047", "2047-q", "2047-pieces", "raw-utf8",
                "quoted-pairs", "name-only", "unquoted", "2231-latin1"):
        for _ in range(3):
            number = m.number("file name", "hyphen")
            name = f"remiss å {number} kopia.txt"
            half = len(name) - 14 if how == "2231-pieces" else len(name) // 2
            enc = encode_rfc2231(name, "utf-8", "sv")
            word = base64.b64encode(name.encode()).decode()
            value = {
                "2231": f"attachment; filename*={enc}",
                "2231-pieces": "attachment;\r\n filename*0*=" + encode_rfc2231(
                    name[:half], "utf-8", "sv") + ";\r\n filename*1*=" + encode_rfc2231(
                    name[half:], "utf-8").split("''")[1],
                "2231-mixed": f"attachment; filename*0=\"remiss {number[:5]}\"; "
                              f"filename*1=\"{number[5:]}.txt\"",
                "2047": f"attachment; filename=\"=?utf-8?B?{word}?=\"",
                "2047-q": "attachment; filename==?iso-8859-1?Q?remiss_=E5_"
                          f"{number.replace('-', '=2D')}_x.txt?=",
                "2047-pieces": f"attachment; filename=\"=?utf-8?Q?remiss_{number[:6]}?=\r\n"
                               f" =?utf-8?Q?{number[6:]}_x.txt?=\"",
                "raw-utf8": f"attachment; filename=\"{name}\"",
                "quoted-pairs": f"attachment; filename=\"remiss \\\"{number}\\\" x.txt\"",
                "name-only": "attachment",
                "unquoted": f"attachment; filename={number}.txt",
                "2231-latin1": "attachment; filename*=" + encode_rfc2231(name, "iso-8859-1"),
            }[how]
            ctype = "text/plain" + (f"; name=\"{name}\"" if how == "name-only" else "")
            yield m.add(f"name-{how}", by_hand(
                "Content-Type: multipart/mixed; boundary=gr", "--gr\r\n\r\nSe bilagan.\r\n--gr\r\n"
                f"Content-Type: {ctype}\r\nContent-Disposition: {value}\r\n\r\nhej\r\n--gr--\r\n"))


def subjects(m):
    for charset, language in CHARSETS:
        text = f"{PROSE[language][:25]} {m.number('subject')} {PROSE[language][25:45]}"
        mail = MIMEText("Hej.\n")
        mail["Subject"] = Header(text.encode(charset, "replace"), charset)
        yield m.add(f"subject-{charset}", finish(mail))
    for cut in range(1, 13, 2):  # an identifier over two encoded words
        n = m.number("subject", "hyphen")
        first = base64.b64encode(f"Om å {n[:cut]}".encode()).decode()
        yield m.add("subject-cut-word", by_hand(
            f"Subject: =?utf-8?B?{first}?=\r\n =?utf-8?Q?{n[cut:]}_igen?=", "Hej.\r\n", False))
    for field in ("To", "Cc", "Comments", "Keywords", "X-Anteckning", "Reply-To"):
        n = m.number(f"header {field}")
        word = base64.b64encode(f"Bo Åk {n}".encode()).decode()
        yield m.add("header-word", by_hand(
            f"{field}: =?utf-8?b?{word}?= <b@leverantor.example>", "Hej.\r\n"))
    for fold in ("\r\n ", "\r\n\t", " \r\n   "):
        yield m.add("header-folded", by_hand(
            f"Subject: En rad{fold}med nr{fold}{m.number('subject')}{fold}och mer", "Hej.\r\n",
            False))


def nested(m):
    for depth in (1, 2, 3, 5, 8, 12, 20):
        inner = MIMEText(m.text("sv"), _charset="utf-8")
        for i in range(depth):
            outer = MIMEMultipart(["mixed", "alternative", "related"][i % 3])
            outer.attach(inner)
            if i % 2:
                outer.attach(MIMEText(m.text("en", f"level {i}", 1)) if i < 8 else
                             MIMEText("tom"))
            inner = outer
        yield m.add(f"nested-{depth}", finish(inner))
    for depth in (1, 2, 4, 6):
        inner = MIMEText(m.text("sv"), _charset="utf-8")
        inner["Subject"] = f"Innerst {m.number('attached subject')}"
        for i in range(depth):
            inner = MIMEMessage(inner)
            inner["Subject"] = f"VB {i}"
        yield m.add(f"forwarded-{depth}", finish(inner))
    for kind in ("digest", "report", "signed", "parallel", "x-okand"):
        mail = MIMEMultipart(kind)
        part = MIMEText(m.text("sv", n=1), _charset="iso-8859-1")
        mail.attach(MIMEMessage(part) if kind == "digest" else part)
        mail.attach(MIMEMessage(MIMEText(m.text("en", n=1))) if kind == "digest" else
                    MIMEText(m.text("en", n=1)))
        yield m.add(f"multipart-{kind}", finish(mail))


def html_forms(n):
    """One identifier as editors and senders of HTML write it; `n` is hyphenated."""
    a, b = n.split("-")
    yield f"{n[:4]}<b>{n[4:8]}</b>-{b}"
    yield f"<td>{n}</td>"
    yield f"<span>{a}</span><span>-</span><span>{b}</span>"
    yield f"{a}&#45;{b}"
    yield f"{a}&#x2D;{b}"
    yield f"{a}&ndash;{b}"
    yield f"{a}&#8209;{b}"
    yield f"{a}&shy;-{b}"
    yield f"{n[:6]}<wbr>{n[6:8]}-{b}"
    yield f"{n[:6]}&#8203;{n[6:8]}-{b}"
    yield "".join(f"&#{ord(c)};" for c in n)
    yield "".join(f"&#x{ord(c):x};" for c in n)
    yield f"{n[:5]}<!-- x -->{n[5:]}"
    yield f"<font color=red>{n[:2]}</font><font\ncolor=blue>{n[2:]}</font>"
    yield f"&nbsp;{n}&nbsp;"
    yield f"<a title='x>y' href=\"#\">{n}</a>"
    yield "".join(chr(ord(c) + 0xFEE0) for c in a) + "\u2013" + b


def html_mails(m):
    count = len(list(html_forms("19850709-2388")))
    for i in range(count):
        for charset, cte in (("utf-8", "8bit"), ("utf-8", "quoted-printable"), ("utf-8", "base64"),
                             ("utf-16", "base64")):
            form = list(html_forms(m.number("html", "hyphen")))[i]
            body = (f"<!DOCTYPE html><html><head><title>Lista</title><style>p {{color: #123456}}"
                    f"</style></head><body>\n<p>Hej,</p>\n<p>Patient {form}, enligt ovan.</p>\n"
                    f"<table><tr><td>{m.number('html table')}</td><td>Ek</td></tr></table>"
                    "</body></html>\n")
            part = text_part(body, charset, cte)
            part.replace_header("Content-Type", f"text/html; charset={charset}")
            yield m.add("html", finish(part))
    mail = EmailMessage(policy=email.policy.SMTP)
    mail.set_content(m.text("sv"))
    mail.add_alternative(f"<p>Se {m.number('alternative')}</p>", subtype="html")
    yield m.add("html-alternative", finish(mail))


def long_lines(m):
    for length in (900, 5000, 70_000):
        for cte in ("8bit", "quoted-printable", "base64"):
            filler = "mycket text utan slut " * (length // 22)
            text = f"{filler}{m.number('body')} {filler} {m.number('body')}\n"
            yield m.add(f"long-line-{cte}", finish(text_part(text, "utf-8", cte)))
    for _ in range(4):
        flowed = " \n".join(textwrap.wrap(m.text("sv").replace("\n", " "), 66))
        part = text_part(flowed + "\n", "utf-8", "8bit")
        part.replace_header("Content-Type", "text/plain; charset=utf-8; format=flowed")
        yield m.add("flowed", finish(part))
    for width in range(8, 20):  # quoted-printable soft breaks everywhere in a number
        n = m.number("body", "hyphen")
        line = f"Patient {n} idag"
        soft = "=\r\n".join(line[i:i + width] for i in range(0, len(line), width))
        yield m.add("soft-break", by_hand("Content-Transfer-Encoding: quoted-printable",
                                          soft + "\r\n"))
    for width in (4, 8, 13, 61, 76, 998):  # base64 in lines of any length
        packed = base64.b64encode(m.rows().encode()).decode()
        yield m.add("base64-lines", by_hand(
            "Content-Transfer-Encoding: base64",
            "".join(packed[i:i + width] + "\r\n" for i in range(0, len(packed), width))))


def by_hand(head, body, subject=True):
    """A mail as bytes; the head's lines are as given."""
    lines = ["From: a@vard.example", "To: b@leverantor.example", "MIME-Version: 1.0"]
    if subject:
        lines.append("Subject: Lista")
    head = "\r\n".join(lines + [head]) + "\r\n\r\n"
    return head.encode("utf-8", "surrogateescape") + (
        body if isinstance(body, bytes) else body.encode())


def b64(text):
    return base64.encodebytes(text.encode()).decode().replace("\n", "\r\n")


def broken(m):
    """What no honest encoder writes. Pairs of a name and a maker."""
    t = "Content-Type: text/plain; charset=utf-8\r\n"
    mixed = "Content-Type: multipart/mixed; boundary=gr"
    e64 = "Content-Transfer-Encoding: base64"
    qp = "Content-Transfer-Encoding: quoted-printable"
    junk = "\r\n".join("*" + line for line in ("!", "~"))
    n = m.number

    def part(head, body, end="--gr--\r\n"):
        return f"--gr\r\n{head}\r\n\r\n{body}\r\n{end}"

    yield "no-end-boundary", lambda: by_hand(mixed, part(t + e64, b64(m.rows()), ""))
    yield "no-boundary-parameter", lambda: by_hand(
        "Content-Type: multipart/mixed", part(t + e64, b64(m.rows())))
    yield "text-after-end", lambda: by_hand(mixed, part(t, "hej") + m.text("sv", "epilogue"))
    yield "text-before-begin", lambda: by_hand(mixed, m.text("sv", "preamble") + "\r\n" +
                                               part(t, "hej"))
    yield "boundary-with-blanks", lambda: by_hand(
        mixed, part(t, m.text("sv")).replace("--gr\r\n", "--gr \t\r\n"))
    yield "boundary-prefix", lambda: by_hand(
        mixed, part(t, "--grind\r\n" + m.text("sv")))
    yield "base64-junk", lambda: by_hand(e64, junk + "\r\n" + b64(m.rows()).replace(
        "\r\n", "!*\r\n *"))
    yield "base64-no-padding", lambda: by_hand(e64, b64(m.rows(3) + "xy").replace("=", ""))
    yield "base64-pad-inside", lambda: by_hand(e64, b64(m.rows(2) + "x") + b64(m.rows(2) + "y"))
    yield "base64-blanks", lambda: by_hand(e64, " ".join(b64(m.rows()).replace("\r\n", "\t")))
    yield "base64-cut", lambda: by_hand(e64, b64(m.rows() + "mer text som kapas")[:-15])
    yield "base64-in-part-cut", lambda: by_hand(mixed, part(t + e64, b64(m.rows())[:-3], ""))
    yield "bare-lf", lambda: by_hand(mixed, part(t + e64, b64(m.rows()))).replace(b"\r\n", b"\n")
    yield "bare-cr-body", lambda: by_hand(t[:-2], m.text("sv").replace("\n", "\r"))
    yield "mixed-line-ends", lambda: by_hand(mixed, part(t, m.text("sv"))).replace(
        b"\r\n--gr", b"\n--gr")
    yield "two-encodings", lambda: by_hand(e64 + "\r\n" + qp, b64(m.rows()))
    yield "two-encodings-other-way", lambda: by_hand(qp + "\r\n" + e64, b64(m.rows()))
    yield "two-types", lambda: by_hand(mixed + "\r\n" + t[:-2], part(t, m.text("sv")))
    yield "two-types-other-way", lambda: by_hand(t + mixed, part(t, m.text("sv")))
    yield "two-boundaries", lambda: by_hand(mixed + "; boundary=gx", part(t, m.text("sv")))
    yield "two-charsets", lambda: by_hand(
        "Content-Type: text/plain; charset=us-ascii; charset=utf-8", m.text("sv"))
    yield "said-base64-is-text", lambda: by_hand(e64, m.text("sv"))
    yield "said-qp-is-text", lambda: by_hand(qp, f"a=b och {n('body')} =3 =XY =\r\n")
    yield "encoding-name-case", lambda: by_hand(e64.replace("base64", "BaSe64"), b64(m.rows()))
    yield "encoding-comment", lambda: by_hand(e64 + " (såklart)", b64(m.rows()))
    yield "encoding-semicolon", lambda: by_hand(e64 + ";", b64(m.rows()))
    yield "encoding-quoted", lambda: by_hand("Content-Transfer-Encoding: \"base64\"",
                                             b64(m.rows()))
    yield "encoding-unknown", lambda: by_hand("Content-Transfer-Encoding: x-hemlig", m.text("sv"))
    yield "encoding-folded", lambda: by_hand("Content-Transfer-Encoding:\r\n base64",
                                             b64(m.rows()))
    yield "multipart-base64", lambda: by_hand(mixed + "\r\n" + e64, part(t, m.text("sv")))
    yield "charset-unknown", lambda: by_hand("Content-Type: text/plain; charset=x-okand",
                                             m.text("sv"))
    yield "charset-wrong", lambda: by_hand("Content-Type: text/plain; charset=utf-16",
                                           m.text("sv"))
    yield "charset-lies-latin1", lambda: by_hand(
        t[:-2], m.text("sv").encode("iso-8859-1"))
    yield "utf16-undeclared", lambda: by_hand(
        e64, base64.encodebytes(m.text("sv").encode("utf-16")).replace(b"\n", b"\r\n"))
    yield "no-mime-version", lambda: by_hand(mixed, part(t + e64, b64(m.rows()))).replace(
        b"MIME-Version: 1.0\r\n", b"")
    yield "type-without-subtype", lambda: by_hand("Content-Type: text", m.text("sv"))
    yield "type-empty", lambda: by_hand("Content-Type:", m.text("sv"))
    yield "type-odd", lambda: by_hand("Content-Type: multipart; boundary=gr",
                                      part(t, m.text("sv")))
    yield "no-blank-line", lambda: by_hand(
        "X-A: 1\r\nDetta är redan brödtext " + n("body"), "mer " + n("body") + "\r\n")
    yield "blank-in-header", lambda: by_hand("X-A: 1\r\n \r\n" + t + e64, b64(m.rows()))
    yield "space-before-colon", lambda: by_hand(
        "Content-Transfer-Encoding : base64", b64(m.rows()))
    yield "raw-8bit-header", lambda: by_hand(f"X-A: å {n('header')} ö", "Hej.\r\n")
    yield "raw-latin1-subject", lambda: by_hand(
        "Subject: \udce5\udce4 " + n("subject"), "Hej.\r\n", False)
    yield "nul-in-body", lambda: by_hand(t[:-2], m.text("sv").replace("Hej", "H\0ej") + "\0\0" +
                                         n("body") + "\0")
    yield "nul-beside-number", lambda: by_hand(t[:-2], f"a\0{n('body')}\0 b {n('body')}")
    yield "uuencode-inline", lambda: by_hand(
        t[:-2], "Se filen.\r\n" + uu("lista.csv", m.rows()) + "Slut.\r\n")
    yield "uuencode-cte", lambda: by_hand("Content-Transfer-Encoding: x-uuencode",
                                          uu("lista.csv", m.rows()))
    yield "uuencode-no-end", lambda: by_hand(
        t[:-2], "Fil:\r\n" + uu("x.csv", m.rows()).replace("end\r\n", ""))
    yield "qp-lower-hex", lambda: by_hand(qp, quoted(m.text("sv")).lower())
    yield "qp-all", lambda: by_hand(qp, "".join(f"={ord(c):02X}" + ("=\r\n" if i % 20 == 19 else "")
                                                for i, c in enumerate(f"nr {n('body')} nu")))
    yield "qp-blanks-at-end", lambda: by_hand(qp, quoted(m.text("sv")).replace("\r\n", "  \r\n"))
    yield "long-header", lambda: by_hand("X-A: " + "lång " * 4000 + n("header, far in"), "Hej\r\n")
    yield "many-headers", lambda: by_hand("\r\n".join(f"X-{i}: {i}" for i in range(2000)) +
                                          f"\r\nX-Sist: {n('last of many headers')}", "Hej\r\n")
    yield "from-line-first", lambda: b"From a@vard.example Fri Jul  8 12:08:34 2011\r\n" + by_hand(
        mixed, part(t, m.text("sv")))
    yield "html-as-plain", lambda: by_hand(t[:-2], f"<html><p>{n('html')[:20]}</p></html>\r\n")
    yield "octet-stream-text", lambda: by_hand(
        "Content-Type: application/octet-stream\r\n" + e64, b64(m.rows()))
    yield "json-part", lambda: by_hand("Content-Type: application/json\r\n" + e64, b64(
        json.dumps({"pnr": n("JSON"), "å": [n("JSON")]})))
    yield "xml-part", lambda: by_hand("Content-Type: application/xml\r\n" + e64, b64(
        f"<?xml version='1.0'?><p><pnr>{n('XML')}</pnr></p>"))
    yield "empty-parts", lambda: by_hand(
        mixed, "--gr\r\n\r\n--gr\r\n--gr\r\n\r\n\r\n" + part(t, m.text("sv")))
    yield "dots", lambda: by_hand(t[:-2], f".\r\n..\r\n.{n('body')}\r\n.\r\n")


def spelled(m):
    """Correct or nearly so, and spelled as few senders do."""
    t = "Content-Type: text/plain; charset=utf-8\r\n"
    e64 = "Content-Transfer-Encoding: base64"
    n = m.number

    def typed(value, body, more=""):
        return lambda: by_hand(f"Content-Type: {value}{more}", body())

    def page(inner):
        return lambda: by_hand("Content-Type: text/html; charset=utf-8",
                               f"<html><body>{inner()}</body></html>\r\n")

    def mixed(parameter, line="gr"):
        return lambda: by_hand(f"Content-Type: multipart/mixed; {parameter}",
                               f"--{line}\r\n{t}\r\n{m.text('sv')}\r\n--{line}--\r\n")

    for name, parameter, line in (
            ("2231", "boundary*=us-ascii'en'gr%2Dx", "gr-x"), ("2231-pieces",
             "boundary*0=gr; boundary*1=ans", "grans"), ("quoted", "boundary=\"g r:=?\"", "g r:=?"),
            ("long", f"boundary={'g' * 150}", "g" * 150), ("case", "BOUNDARY=Gr", "Gr"),
            ("single-quotes", "boundary='gr'", "'gr'"), ("comment", "(x) boundary=gr (y)", "gr"),
            ("escaped", "boundary=\"g\\r\"", "gr"), ("dashes", "boundary=--gr--", "--gr--"),
            ("semicolons", ";; boundary=gr;", "gr"), ("folded", "\r\n\tboundary\r\n =gr", "gr")):
        yield "boundary-" + name, mixed(parameter, line)
    for name in ("utf8", "UTF_8", "latin1", "cp1252", "ISO_8859-1", "l1", "windows-1252", "ascii",
                 "iso8859-1", "cp437", "koi8-u", "hz-gb-2312", "cp949", "tis-620", "iso-8859-8-i"):
        charset = {"hz-gb-2312": "hz", "iso-8859-8-i": "iso-8859-8"}.get(name, name)
        yield "charset-" + name, lambda name=name, charset=charset: by_hand(
            f"Content-Type: text/plain; charset=\"{name}\"\r\n{e64}",
            base64.encodebytes(m.text("sv").encode(charset, "replace")).replace(b"\n", b"\r\n"))
    yield "charset-2231", typed("text/plain; charset*=us-ascii'en'utf-16le\r\n" + e64,
                                lambda: base64.encodebytes(m.text("sv").encode("utf-16le")))
    yield "utf-16-no-bom", typed("text/plain; charset=utf-16\r\n" + e64,
                                 lambda: base64.encodebytes(m.text("sv").encode("utf-16be")))
    yield "utf-8-bom", typed("text/plain; charset=utf-8", lambda: "\ufeff" + n("body") + "\r\n")
    for name, text in (
            ("en-dash", lambda: n("body", "hyphen").replace("-", "\u2013")),
            ("minus", lambda: n("body", "hyphen").replace("-", "\u2212")),
            ("nb-hyphen", lambda: n("body", "hyphen").replace("-", "\u2011")),
            ("arabic", lambda: n("body", "hyphen").translate(
                {48 + i: 0x660 + i for i in range(10)})),
            ("fullwidth", lambda: n("body", "hyphen").translate(
                {48 + i: 0xFF10 + i for i in range(10)})),
            ("zero-width", lambda: "\u200b".join(n("body", "hyphen"))),
            ("soft-hyphen", lambda: n("body", "hyphen").replace("-", "\u00ad-")),
            ("nbsp-around", lambda: f"\u00a0{n('body')}\u00a0"),
            ("plus", lambda: "personnummer " + n("body", "hyphen").replace("-", "+"))):
        yield "text-" + name, typed("text/plain; charset=utf-8",
                                    lambda text=text: f"Pat {text()} x")
    for name, inner in (
            ("no-semicolon", lambda: "".join(f"&#{ord(c)}" for c in n("html", "hyphen")) + " x"),
            ("zeros", lambda: "".join(f"&#000{ord(c)};" for c in n("html", "hyphen"))),
            ("hex-upper", lambda: "".join(f"&#X{ord(c):04X};" for c in n("html", "hyphen"))),
            ("attribute", lambda: f"<input value={n('html attribute')} type=text>"),
            ("title", lambda: f"<p title='Patient {n('html attribute')}'>x</p>"),
            ("link", lambda: f"<a href='http://x.example/?p={n('html link')}'>y</a>"),
            ("mailto", lambda: "<a href='mailto:a@b.example?subject=Pnr%20"
                               f"{n('html link')}'>y</a>"),
            ("script", lambda: f"<script>var p = '{n('script')}';</script>"),
            ("style", lambda: f"<style>/* {n('style')} */</style>"),
            ("textarea", lambda: f"<textarea>{n('textarea')}</textarea>"),
            ("cdata", lambda: f"<![CDATA[ {n('cdata')} ]]>"),
            ("comment", lambda: f"<!-- {n('comment')} -->"),
            ("open-comment", lambda: f"<!-- {n('comment')} <p>"),
            ("open-tag", lambda: f"<p {n('in a tag')} <b>x"),
            ("select", lambda: f"<option value=1>{n('option')}<option>"),
            ("bdi", lambda: f"<bdi>{n('html')}</bdi> <span dir=ltr>{n('html')}</span>"),
            ("img", lambda: f"<img alt=\"{n('alt')}\" src=cid:x>"),
            ("meta", lambda: f"<meta name=d content=\"{n('meta')}\">")):
        yield "html-" + name, page(inner)
    yield "html-meta-charset", lambda: by_hand(
        "Content-Type: text/html\r\n" + e64, base64.encodebytes(
            f"<meta charset=iso-8859-1><p>Åtgärd {n('html')} på</p>".encode("iso-8859-1")))
    yield "html-utf16-bom", lambda: by_hand("Content-Type: text/html\r\n" + e64, base64.encodebytes(
        f"<html><p>Åtgärd {n('html')} på</p>".encode("utf-16")))
    for name, head in (("no-space", "Content-Transfer-Encoding:base64"),
                       ("tab", "Content-Transfer-Encoding:\tbase64\t"),
                       ("upper", "CONTENT-TRANSFER-ENCODING: BASE64"),
                       ("comment-first", "Content-Transfer-Encoding: (x) base64"),
                       ("twice-same", e64 + "\r\n" + e64)):
        yield "encoding-" + name, lambda head=head: by_hand(head, b64(m.rows()))
    yield "base64-equals-first", lambda: by_hand(e64, "====\r\n" + b64(m.rows()))
    yield "base64-then-text", lambda: by_hand(e64, b64(m.rows(3) + "x") + "\r\n-- \r\nlista\r\n")
    yield "base64-one-line", lambda: by_hand(e64, b64(m.rows(9)).replace("\r\n", ""))
    yield "base64-blank-lines", lambda: by_hand(e64, b64(m.rows()).replace("\r\n", "\r\n\r\n"))
    yield "base64-bom", lambda: by_hand(e64, b64("\ufeff" + m.rows()))
    yield "qp-soft-blanks", lambda: by_hand(
        "Content-Transfer-Encoding: quoted-printable",
        "nr =  \r\n" + n("body", "hyphen")[:7] + "=\t\r\n" + m.planted[-1]["number"][7:] + " och " + n("body") + "=\r\n")
    yield "message-base64", lambda: by_hand(
        "Content-Type: message/rfc822\r\n" + e64,
        b64(f"Subject: Om {n('attached subject')}\r\n{t}\r\n{m.text('sv')}"))
    yield "message-qp", lambda: by_hand(
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable",
        quoted(f"Subject: Om {n('attached subject')}\n{t}\n{m.text('sv')}".replace("\r\n", "\n")))
    yield "message-said-base64", lambda: by_hand(
        "Content-Type: message/rfc822\r\n" + e64,
        f"Subject: Om {n('attached subject')}\r\n{t}\r\n{m.text('sv')}")
    yield "gzip-attachment", lambda: by_hand(
        "Content-Type: application/gzip\r\n" + e64,
        base64.encodebytes(gzip.compress(m.rows(12).encode(), mtime=0)))
    yield "calendar", lambda: by_hand("Content-Type: text/calendar; method=REQUEST\r\n" + e64, b64(
        f"BEGIN:VCALENDAR\r\nSUMMARY:Patient {n('calendar')}\r\nEND:VCALENDAR\r\n"))
    for name, word in (("language", "=?utf-8*sv?Q?Om_{}_igen?="), ("lower", "=?utf-8?q?Om_{}?="),
                       ("quoted-string", "\"=?utf-8?Q?Om_{}?=\""), ("glued", "x=?utf-8?Q?_{}_?=y"),
                       ("in-parentheses", "(=?utf-8?Q?Om_{}?=)"),
                       ("spaces", "=?utf-8?Q?Om nr {} x?="),
                       ("long-word", "=?utf-8?Q?" + "=C3=A5" * 80 + "_{}?=")):
        yield "word-" + name, lambda word=word: by_hand(
            "Subject: " + word.format(n("subject")), "Hej.\r\n", False)
    yield "word-split-character", lambda: by_hand(
        "Subject: =?utf-8?B?" + base64.b64encode("på å".encode()[:-1]).decode() +
        "?= =?utf-8?B?" + base64.b64encode(
            "å".encode()[1:] + f" {n('subject')}".encode()).decode() + "?=", "Hej.\r\n", False)
    yield "many-parts", lambda: by_hand(
        "Content-Type: multipart/mixed; boundary=gr",
        "--gr\r\n\r\nx\r\n" * 500 + f"--gr\r\n{t}\r\n{m.text('sv')}\r\n--gr--\r\n")
    yield "same-boundary-inside", lambda: by_hand(
        "Content-Type: multipart/mixed; boundary=gr",
        "--gr\r\nContent-Type: multipart/mixed; boundary=gr\r\n\r\n--gr\r\n" +
        f"{t}\r\n{m.text('sv')}\r\n--gr--\r\n--gr--\r\n")
    yield "part-header-only", lambda: by_hand(
        "Content-Type: multipart/mixed; boundary=gr",
        f"--gr\r\nX-A: {n('part header')}\r\n--gr\r\n{t}\r\n{m.text('sv')}\r\n--gr--\r\n")
    yield "signed-data", lambda: by_hand(
        "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n" + e64,
        base64.encodebytes(b"\x30\x82\x01\x00\x06\x09*\x86H\x86\xf7\r\x01\x07\x02\xa0\x82" +
                           f"{t}\r\n{m.text('sv')}".encode() + bytes(range(128, 256))))


def uu(name, text):
    data = text.encode()
    lines = [binascii.b2a_uu(data[i:i + 45]).decode().rstrip("\n")
             for i in range(0, len(data), 45)]
    return "\r\n".join([f"begin 644 {name}"] + lines + ["`", "end", ""])


def quoted(text):
    return quopri.encodestring(text.encode()).decode().replace("\n", "\r\n")


def clean(m):
    """Numbers that are no identifiers, as mails are full of them.

    References begin with 8: one that begins as a card number and has its length
    and check digit is one by the specification, whatever stands beside it.
    """
    r = m.random

    def digits(n):
        return "".join(r.choice("0123456789") for _ in range(n))
    kinds = [
        lambda: f"Ring 070-{r.randint(1740605, 1740699)} eller 031-{digits(3)} {digits(2)} "
                f"{digits(2)}.",
        lambda: f"Faktura {digits(7)}, OCR 8{digits(11)}9, att betala {digits(4)},00 kr.",
        lambda: f"Mötet är 2026-03-{r.randint(10, 28)} kl 13.00-14.30 i sal {digits(3)}.",
        lambda: "Spårning: %s-%s-4%s-a%s-%s." % (
            hashlib.md5(digits(9).encode()).hexdigest()[:8], digits(4), digits(3), digits(3),
            hashlib.md5(digits(9).encode()).hexdigest()[:12]),
        lambda: f"Version 3.{digits(2)}.{digits(6)} av {digits(3)} filer, {digits(9)} byte.",
        lambda: f"Paket {digits(3)} {digits(3)} {digits(3)} SE på väg. Kollinr {digits(18)}.",
        lambda: f"Klockan {r.randint(1, 9)}:{r.randint(10, 59)}, {digits(2)} grader, "
                f"{digits(4)} hPa.",
        lambda: f"Artikel {digits(5)}-{digits(3)}: {digits(2)} st à {digits(3)} kr.",
        lambda: f"<p>Färg #{digits(6)}, bredd {digits(4)}px</p>",
        lambda: f"Koordinater 57.{digits(6)}, 11.{digits(6)} (SWEREF {digits(7)}, {digits(6)}).",
    ]
    for i in range(60):
        text = "\n".join([PROSE["sv"]] + [r.choice(kinds)() for _ in range(6)] + [PROSE["en"], ""])
        if i % 3 == 0:
            mail = EmailMessage(policy=email.policy.SMTP)
            mail.set_content(text)
            blob = bytes(r.randrange(256) for _ in range(3000))
            mail.add_attachment(b"\x89PNG\r\n\x1a\n" + blob, maintype="image", subtype="png",
                                filename=f"IMG_{r.randint(20200101, 20201231)}_{digits(6)}.png")
            yield m.add("clean-image", finish(mail))
        else:
            cte = ("8bit", "quoted-printable", "base64")[i % 3]
            yield m.add("clean-text", finish(text_part(text, "utf-8", cte)))


def make(seed=SEED):
    """All mails: a list of (name, bytes, truth)."""
    m, all_mails = Mails(seed), []
    for family in (bodies, attachments, names, subjects, nested, html_mails, long_lines):
        for (name, data), about in family(m):
            all_mails.append((name, data, about))
    for kind, family in (("broken-", broken), ("spelled-", spelled)):
        for what, build in family(m):
            for _ in range(2):
                (name, data), about = m.add(kind + what, build())
                all_mails.append((name, data, about))
    for (name, data), about in clean(m):
        all_mails.append((name, data, about))
    return all_mails


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    mails = make()
    for name, data, _ in mails:
        with open(os.path.join(sys.argv[1], name + ".eml"), "wb") as f:
            f.write(data)
    with open(os.path.join(sys.argv[1], "truth.json"), "w", encoding="utf-8") as f:
        json.dump([about for _, _, about in mails], f, ensure_ascii=False, indent=1)
    planted = sum(len(a["planted"]) for _, _, a in mails)
    print(f"{sys.argv[1]}: {len(mails)} mails, {planted} identifiers")


if __name__ == "__main__":
    main()
