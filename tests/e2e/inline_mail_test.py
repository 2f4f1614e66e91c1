# SPDX-License-Identifier: GPL-3.0-or-later
"""Inline, mail: Postfix, swaks, curl and a raw client to Postfix through the
gateway. Clean mail arrives as it was; mail above its ceiling never does, and
its sender is told so at once, by a 554 with the event's id.
"""

import email.message
import email.policy
import hashlib
import random
import sys

import inline
import netlab
import smtp_raw
from inline import need
from postfix import Postfix, said

ANNA, SUPPORT = "anna@vard.example", "support@leverantor.example"
OUTSIDE = "nagon@annan.example"
WIRE = email.policy.SMTP


class Mail:
    """A Postfix on each side, and what was sent."""

    def __init__(self, t):
        self.t, self.lab = t, t.lab
        there = ["leverantor.example", "annan.example", "sluten.example"]
        self.out = Postfix(t.lab, t.lab.client_ns, "sender", ["vard.example"],
                           {d: netlab.SERVER for d in there})
        self.into = Postfix(t.lab, t.lab.server_ns, "receiver", there,
                            {"vard.example": netlab.CLIENT}, server_tls="may")
        self.count = 0

    def start(self):
        self.out.start()
        self.into.start()

    def subject(self):
        self.count += 1
        return f"nummer-{self.count}"

    def arrived(self, subject, postfix=None, user="support"):
        """Mails of that subject; the queue behind the gateway is drained first."""
        postfix = postfix or self.into
        postfix.drain()
        return [m for m in postfix.mails(user) if m["Subject"] == subject]

    def nowhere(self, numbers):
        """The receiving side has no message, and no part of one, with the list."""
        self.into.drain()
        data = self.into.everything()
        need(inline.persons_in(data, numbers) < 3, "the receiver has the list")


def make(subject, attachment=None, text="Hej\r\n\r\n.\r\n..en rad med punkt\r\n",
         name="lista.csv", sender=ANNA, to=SUPPORT):
    m = email.message.EmailMessage(policy=WIRE)
    m["From"], m["To"], m["Subject"] = sender, to, subject
    m["Message-ID"] = f"<{subject}@vard.example>"
    m["Date"] = "Tue, 24 Nov 2026 12:00:00 +0100"
    m.set_content(text)
    if attachment is not None and name.endswith(".csv"):
        m.add_attachment(attachment.decode(), subtype="csv", cte="base64", filename=name)
    elif attachment is not None:
        m.add_attachment(attachment, maintype="application", subtype="octet-stream", filename=name)
    return m.as_bytes(policy=WIRE)


def body_of(mail):
    """Digest of what stands behind the header, whatever the line ends."""
    return hashlib.sha256(mail.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]).hexdigest()


def same_bodies(sent, got):
    """{Message-ID: mail} that were sent are those that came, once each."""
    came = {}
    for m in got:
        key = m["Message-ID"]
        if key in sent:
            need(key not in came, f"{key} came twice")
            came[key] = body_of(m.as_bytes(policy=email.policy.compat32))
    need(len(came) == len(sent), f"{len(came)} of {len(sent)} mails came")
    for key, mail in sent.items():
        need(came[key] == body_of(mail), f"{key} arrived changed")


# ---- clean ----

def batch(mail, n, seed, sizes, sender, to):
    rng, sent = random.Random(seed), {}
    for _ in range(n):
        subject = mail.subject()
        sent[f"<{subject}@vard.example>"] = make(
            subject, rng.randbytes(rng.choice(sizes)), name="x.bin", sender=sender, to=to)
    return sent


def hundreds(t, mail):
    sent = batch(mail, 300, 1, (0, 1, 57, 1000, 5000, 20_000, 100_000), ANNA, SUPPORT)
    sent.update(batch(mail, 3, 2, (3_000_000,), ANNA, SUPPORT))
    mail.out.submit_many([(ANNA, [SUPPORT], m) for m in sent.values()])
    mail.out.drain()
    mail.into.drain()
    same_bodies(sent, raw_mails(mail.into, "support"))
    need("conn_use=" in mail.out.log(), "several mails in a session")


def the_other_way(t, mail):
    sent = batch(mail, 50, 3, (0, 1000, 50_000), SUPPORT, ANNA)
    mail.into.submit_many([(SUPPORT, [ANNA], m) for m in sent.values()])
    mail.into.drain()
    mail.out.drain()
    same_bodies(sent, raw_mails(mail.out, "anna"))


def raw_mails(postfix, user):
    return postfix.mails(user, policy=email.policy.compat32)


def two_persons(t, mail):
    subject = mail.subject()
    m = make(subject, t.persons.table(2) * 50)
    mail.out.submit(ANNA, [SUPPORT], m)
    mail.out.drain()
    need(len(mail.arrived(subject)) == 1, "it didn't come")


def bdat_clean(t, mail):
    """Chunks of every size, several mails in one session, pipelined and not."""
    sent, parts = {}, []
    for chunks in (1, 2, 7, 100):
        for pipelined in (False, True):
            subject = mail.subject()
            m = make(subject, random.Random(chunks).randbytes(20_000), name="x.bin")
            sent[f"<{subject}@vard.example>"] = m
            parts.append(smtp_raw.bdat(ANNA, [SUPPORT], m, chunks, pipelined))
    replies = t.lab.inside(t.lab.client_ns, smtp_raw.talk, netlab.SERVER, smtp_raw.session(*parts))
    need(replies[-1] == "closed" and replies[-2].startswith("221"), str(replies[-3:]))
    mail.into.drain()
    same_bodies(sent, raw_mails(mail.into, "support"))


def ipv6_clean(t, mail):
    subject = mail.subject()
    m = make(subject, b"bara ord")
    replies = t.lab.inside(t.lab.client_ns, smtp_raw.talk, netlab.SERVER6,
                           smtp_raw.session(smtp_raw.data(ANNA, [SUPPORT], m)))
    need(replies[-2].startswith("221"), str(replies))
    need(len(mail.arrived(subject)) == 1, "it didn't come")


# ---- refused ----

def bounce(t, mail):
    """Postfix bounces at once, with our words; its queue is empty."""
    subject, numbers = mail.subject(), t.persons.take(3)
    before = len(mail.out.bounced(""))
    mail.out.submit(ANNA, [SUPPORT], make(subject, inline.table(numbers)))
    mail.out.drain(20)
    need(not mail.arrived(subject), "it arrived")
    mail.nowhere(numbers)
    bounced = mail.out.bounced("")[before:]
    words = said(bounced)
    need(len(words) == 1 and words[0].startswith("554 5.7.1 "), "\n".join(bounced))
    e = t.refusal(words[0], "mail", persons=3)
    need(e["email"]["to"]["address"] == [SUPPORT], str(e["email"]))
    told = [m for m in mail.out.mails("anna") if e["event"]["id"] in m.as_string()]
    need(len(told) == 1, f"{len(told)} bounces in the sender's mailbox")
    report = [p for p in told[0].walk() if p.get_content_type() == "message/delivery-status"]
    need(len(report) == 1 and "5.7.1" in report[0].as_string(), "the delivery report")
    need(not mail.out.deferred(), "deferred:\n" + "\n".join(mail.out.deferred()))


def among_clean(t, mail):
    """Lists among clean mails, in the same sessions: these come, those bounce."""
    sent, bad, all_mails = {}, [], []
    rng = random.Random(5)
    before = len(mail.out.bounced(""))
    for i in range(40):
        subject = mail.subject()
        if i % 10 == 7:
            numbers = t.persons.take(3)
            m = make(subject, inline.table(numbers))
            bad.append(numbers)
        else:
            m = make(subject, rng.randbytes(rng.randrange(30_000)), name="x.bin")
            sent[f"<{subject}@vard.example>"] = m
        all_mails.append((ANNA, [SUPPORT], m))
    mail.out.submit_many(all_mails)
    mail.out.drain(30)
    mail.into.drain()
    same_bodies(sent, raw_mails(mail.into, "support"))
    for numbers in bad:
        mail.nowhere(numbers)
    words = said(mail.out.bounced("")[before:])
    need(len(words) == len(bad), f"{len(words)} bounces, {len(bad)} lists")
    need(len({t.refusal(w, "mail", persons=3)["event"]["id"] for w in words}) == len(bad), "ids")
    need(not mail.out.deferred(), "deferred:\n" + "\n".join(mail.out.deferred()))


def strictest_recipient(t, mail):
    """One person may go to the supplier, none outside: to both, it goes to neither."""
    subject, numbers = mail.subject(), t.persons.take(1)
    before = len(mail.out.bounced(""))
    mail.out.submit(ANNA, [SUPPORT, OUTSIDE], make(subject, inline.table(numbers)))
    mail.out.drain(20)
    need(not mail.arrived(subject) and not mail.arrived(subject, user="nagon"), "it arrived")
    bounced = mail.out.bounced("")[before:]
    need(len(bounced) == 2, "\n".join(bounced))
    ids = {t.refusal(w, "mail", persons=None)["event"]["id"] for w in said(bounced)}
    need(len(ids) == 1, f"{ids}")


def big(t, mail):
    """The list stands behind a megabyte that is already on its way."""
    subject, numbers = mail.subject(), t.persons.take(3)
    before = len(mail.out.bounced(""))
    text = "bara ord i en rad\r\n" * 60_000
    mail.out.submit(ANNA, [SUPPORT], make(subject, inline.table(numbers), text=text))
    mail.out.drain(20)
    need(not mail.arrived(subject), "it arrived")
    mail.nowhere(numbers)
    words = said(mail.out.bounced("")[before:])
    need(len(words) == 1 and words[0].startswith("554 5.7.1 "), str(words))
    t.refusal(words[0], "mail", persons=3)


def swaks(t, mail, *more):
    subject, numbers = mail.subject(), t.persons.take(3)
    path = t.lab.file(f"swaks-{mail.count}.csv", inline.table(numbers))
    out = t.lab.client("sh", "-c", '"$@"; echo "exit=$?"', "sh", "swaks", "--server", netlab.SERVER,
                       "--helo", "vard.example", "--from", ANNA, "--to", SUPPORT, "--header",
                       f"Subject: {subject}", "--attach-type", "text/csv", "--attach", "@" + path,
                       *more)
    need(not mail.arrived(subject), "it arrived")
    mail.nowhere(numbers)
    need("exit=26" in out, out)  # swaks: an error at DATA
    answers = [line for line in out.splitlines() if line.startswith("<**")]
    need(len(answers) == 1 and "554 5.7.1 " in answers[0], out)
    t.refusal(answers[0], "mail", persons=3)


def swaks_pipelined(t, mail):
    swaks(t, mail, "--pipeline")


def curl(t, mail):
    subject, numbers = mail.subject(), t.persons.take(3)
    path = t.lab.file("curl.eml", make(subject, inline.table(numbers)))
    out = t.lab.client("sh", "-c", '"$@"; echo "exit=$?"', "sh", "curl", "-sSv", "--max-time", "20",
                       "--mail-from", ANNA, "--mail-rcpt", SUPPORT, "-T", path,
                       f"smtp://{netlab.SERVER}/vard.example")
    need(not mail.arrived(subject), "it arrived")
    mail.nowhere(numbers)
    need("exit=0" not in out, out)
    answers = [line for line in out.splitlines() if line.startswith("< 554 5.7.1 ")]
    need(len(answers) == 1, out)
    t.refusal(answers[0], "mail", persons=3)


def raw_refused(t, mail, steps, subject, numbers, address=netlab.SERVER):
    replies = t.lab.inside(t.lab.client_ns, smtp_raw.talk, address, smtp_raw.session(*steps))
    need(not mail.arrived(subject), "it arrived")
    mail.nowhere(numbers)
    refusals = [r for r in replies if r.startswith("554 5.7.1 ")]
    # With BDAT each chunk behind the refused one has a reply too (RFC 3030, 3).
    need(refusals, str(replies))
    need(not any(r.startswith("250 2.") for r in replies[replies.index(refusals[0]):]),
         "something is accepted behind the refusal: " + str(replies))
    need(replies[-1] == "closed", str(replies))
    t.refusal("\n".join(refusals), "mail", persons=3)
    return replies


def bdat(t, mail):
    for chunks in (1, 2, 5):
        subject, numbers = mail.subject(), t.persons.take(3)
        m = make(subject, inline.table(numbers))
        raw_refused(t, mail, [smtp_raw.bdat(ANNA, [SUPPORT], m, chunks)], subject, numbers)


def bdat_pipelined(t, mail):
    for chunks in (1, 2, 5):
        subject, numbers = mail.subject(), t.persons.take(3)
        m = make(subject, inline.table(numbers))
        raw_refused(t, mail, [smtp_raw.bdat(ANNA, [SUPPORT], m, chunks, True)], subject, numbers)


def second_of_session(t, mail):
    """What was accepted before the refused mail stays accepted."""
    for maker in (smtp_raw.data, smtp_raw.bdat):
        first, subject, numbers = mail.subject(), mail.subject(), t.persons.take(3)
        steps = [maker(ANNA, [SUPPORT], make(first, b"bara ord")),
                 maker(ANNA, [SUPPORT], make(subject, inline.table(numbers)))]
        replies = raw_refused(t, mail, steps, subject, numbers)
        need(sum(r.startswith("250 2.0.0") for r in replies) == 1, str(replies))
        need(len(mail.arrived(first)) == 1, "the first mail didn't come")


def in_the_subject(t, mail):
    """Numbers in the header and the body text; and the event has them masked."""
    numbers = t.persons.take(3)
    subject = "lista " + " ".join(inline.shown(n)[1] for n in numbers)
    raw_refused(t, mail, [smtp_raw.data(ANNA, [SUPPORT], make(subject))], subject, numbers)


def ipv6(t, mail):
    subject, numbers = mail.subject(), t.persons.take(3)
    raw_refused(t, mail, [smtp_raw.data(ANNA, [SUPPORT], make(subject, inline.table(numbers)))],
                subject, numbers, netlab.SERVER6)


def inbound(t, mail):
    """From the supplier to us: the same, the other way round."""
    subject, numbers = mail.subject(), t.persons.take(3)
    before = len(mail.into.bounced(""))
    mail.into.submit(SUPPORT, [ANNA], make(subject, inline.table(numbers), sender=SUPPORT, to=ANNA))
    mail.into.drain(20)
    need(not mail.arrived(subject, mail.out, "anna"), "it arrived")
    words = said(mail.into.bounced("")[before:])
    need(len(words) == 1 and words[0].startswith("554 5.7.1 "), str(words))
    t.refusal(words[0], "mail", persons=3)


def starttls_refused(t, mail):
    """Where nothing opaque may go, STARTTLS is refused before it begins."""
    replies = t.lab.inside(t.lab.client_ns, smtp_raw.talk, netlab.CLOSED, [
        1, b"EHLO client.vard.example\r\n", 1, b"STARTTLS\r\n", 1, b"QUIT\r\n", 1])
    need(replies[2].startswith("554 "), str(replies))
    need(replies[-1] == "closed", str(replies))
    t.said(str(replies))
    ids = inline.EVENT_ID.findall(replies[2])
    need(len(ids) == 1, replies[2])
    e = t.event(ids[0])
    need((e["event"]["kind"], e["event"]["action"], e["sluss"]["verdict"]) ==
         ("alert", "refuse", "refuse"), inline.json.dumps(e))


def starttls_passes(t, mail):
    """Elsewhere it passes, and the mail in it arrives unread, as the policy says."""
    subject = mail.subject()
    path = t.lab.file("tls.eml", make(subject))
    t.lab.client("curl", "-sS", "--fail", "--max-time", "20", "--ssl-reqd", "-k", "--mail-from", ANNA,
                 "--mail-rcpt", SUPPORT, "-T", path, f"smtp://{netlab.SERVER}/vard.example")
    need(len(mail.arrived(subject)) == 1, "it didn't come")


# ---- judged only, or not read ----

def shadow(t, mail):
    subject, numbers = mail.subject(), t.persons.take(3)
    replies = t.lab.inside(t.lab.client_ns, smtp_raw.talk, netlab.SHADOWED, smtp_raw.session(
        smtp_raw.data(ANNA, [SUPPORT], make(subject, inline.table(numbers)))))
    need(len(mail.arrived(subject)) == 1, str(replies))
    if inline.BRIDGE:
        return

    def hits():
        return [e for e in t.events() if e.get("email", {}).get("subject") == subject]
    netlab.wait_for(hits, "the event of a shadowed mail", 10)
    e = hits()[0]
    need((e["sluss"]["mode"], e["event"]["action"], e["sluss"]["verdict"]) ==
         ("shadow", "forward", "refuse"), inline.json.dumps(e))


def exempt(t, mail):
    subject, numbers = mail.subject(), t.persons.take(3)
    replies = t.lab.inside(t.lab.client_ns, smtp_raw.talk, netlab.EXEMPT, smtp_raw.session(
        smtp_raw.data(ANNA, [SUPPORT], make(subject, inline.table(numbers)))))
    need(len(mail.arrived(subject)) == 1, str(replies))
    need(subject not in t.event_text(), "an exempt pair has events")


def cases(t):
    mail = Mail(t)
    t.start()
    mail.start()
    for f in (hundreds, the_other_way, two_persons, bdat_clean, ipv6_clean, starttls_passes):
        t.clean(f.__name__, f, mail)
    for f in (bounce, among_clean, strictest_recipient, big, swaks, swaks_pipelined, curl, bdat,
              bdat_pipelined, second_of_session, in_the_subject, ipv6, inbound, starttls_refused):
        t.refused(f.__name__, f, mail)
    t.clean("shadow", shadow, mail)
    t.clean("exempt", exempt, mail)


sys.exit(inline.on_each_kind("inline-mail", cases))
