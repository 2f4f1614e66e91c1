#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the quickstart's capture: what a border sees in a minute, good and bad.

usage: make_demo.py OUT.pcap
"""

import base64
import os
import sys
from email.message import EmailMessage
from email.policy import SMTP

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import identifiers  # noqa: E402
import wire  # noqa: E402

PATIENTS = [identifiers.hyphenated(n) for n in list(identifiers.test_personnummer())[:14000:2000]]
WARD, RESEARCH, SUPPLIER, OUTSIDE = "10.10.0.5", "10.20.0.7", "192.0.2.9", "203.0.113.80"


def patient_list():
    """A patient list for the supplier: seven persons and the words of a record."""
    rows = ["personnummer;besöksorsak;bedömning"]
    rows += [f"{p};anamnes: huvudvärk;bedömning: kontroll" for p in PATIENTS]
    mail = EmailMessage(policy=SMTP.clone(max_line_length=78))
    mail["From"], mail["To"] = "anna@vard.example", "support@leverantor.example"
    mail["Subject"] = "Lista enligt önskemål"
    mail["Message-ID"] = "<lista-1@vard.example>"
    mail.set_content("Hej,\n\nlistan är bifogad.\n\nAnna\n")
    mail.add_attachment("\r\n".join(rows).encode(), "text", "csv", filename="lista.csv")
    return mail.as_bytes()


def note_to_research():
    """One person, inside the organisation: within the ceiling."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = "anna@vard.example", "bo@forskning.example"
    mail["Subject"] = "Deltagare"
    mail.set_content(f"Ny deltagare i studien: personnummer {PATIENTS[0]}\n")
    return mail.as_bytes()


def tls_session(cap):
    """A TLS handshake to the outside and what looks like its records: opaque."""
    name = b"fildelning.example"
    sni = b"\0\0" + (len(name) + 5).to_bytes(2, "big") + (len(name) + 3).to_bytes(2, "big") + \
        b"\0" + len(name).to_bytes(2, "big") + name
    hello = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + \
        len(sni).to_bytes(2, "big") + sni
    handshake = b"\x01" + len(hello).to_bytes(3, "big") + hello
    tcp = wire.Tcp(cap, WARD, 40444, OUTSIDE, 443)
    tcp.open()
    tcp.client(b"\x16\x03\x01" + len(handshake).to_bytes(2, "big") + handshake)
    tcp.server(b"\x16\x03\x03\0\x20" + bytes(32))
    for _ in range(4):
        tcp.client(b"\x17\x03\x03\x04\0" + bytes((7 * i) & 255 for i in range(1024)))
    tcp.close()


def main():
    with wire.Capture(sys.argv[1]) as cap:
        wire.smtp(cap, WARD, 40112, SUPPLIER, "anna@vard.example",
                  ["support@leverantor.example"], patient_list())
        wire.smtp(cap, WARD, 40113, RESEARCH, "anna@vard.example", ["bo@forskning.example"],
                  note_to_research(), server_port=2525)
        body = "Patient: " + PATIENTS[1] + ", ring mottagningen.\r\n"
        wire.http_put(cap, WARD, 40114, OUTSIDE, "fildelning.example", "/upload/anteckning.txt",
                      body.encode(), "text/plain; charset=utf-8")
        wire.ftp_stor(cap, WARD, 40115, SUPPLIER, "driftrapport.txt",
                      "Inga avvikelser i natt. Allt är lugnt.\r\n".encode() * 40)
        tls_session(cap)
        wire.udp(cap, WARD, 40116, "10.10.0.1", 53,
                 base64.b16decode("12340100000100000000000003777777076578616D706C6503636F6D0000010001"))
    print(f"{sys.argv[1]}: {cap.frames} frames")


main()
