# SPDX-License-Identifier: GPL-3.0-or-later
"""A Postfix of its own in a namespace: own configuration, queue and log, nothing
of the system's. It relays what local programs give it, and keeps the mail of
its own domains in Maildirs.
"""

import email
import email.policy
import os
import pwd
import re
import shutil
import subprocess
import time

import netlab

USERS = ("anna", "support", "nagon")

MAIN = """compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}
myhostname = mx.{own}
mydomain = {own}
myorigin = {own}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = all
inet_protocols = all
smtp_address_preference = ipv4
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
transport_maps = inline:{{{transport}}}
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = texthash:{dir}/users
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
message_size_limit = 104857600
biff = no
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_client_connection_rate_limit = 0
smtpd_tls_security_level = {server_tls}
smtpd_tls_cert_file = {dir}/cert.pem
smtpd_tls_key_file = {dir}/key.pem
smtp_tls_security_level = none
smtp_connection_cache_destinations = static:all
smtp_connection_cache_time_limit = 10s
minimal_backoff_time = 300s
smtp_connect_timeout = 10s
bounce_queue_lifetime = 1d
"""

MASTER = """
smtp      inet  n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - 4 smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """One instance. `domains`: whose mail it keeps; `routes`: where the others' goes."""

    def __init__(self, lab, ns, name, domains, routes, server_tls="none"):
        self.lab, self.ns, self.name = lab, ns, name
        self.dir = lab.path(name)
        self.domains = domains
        nobody = pwd.getpwnam("nobody")
        postfix = pwd.getpwnam("postfix")
        for d, owner in (("", 0), ("queue", 0), ("data", postfix.pw_uid), ("mail", nobody.pw_uid)):
            os.makedirs(os.path.join(self.dir, d), exist_ok=True)
            os.chown(os.path.join(self.dir, d), owner, 0)
        shutil.copy("/etc/postfix/postfix-files", self.dir)
        os.makedirs(os.path.join(self.dir, "postfix-files.d"), exist_ok=True)
        transport = ", ".join(f"{{{d} = smtp:[{a}]}}" for d, a in routes.items())
        if server_tls != "none":
            make_certificate(self.dir, domains[0])
        self._write("main.cf", MAIN.format(
            dir=self.dir, own=domains[0], domains=", ".join(domains), transport=transport,
            uid=nobody.pw_uid, gid=nobody.pw_gid, server_tls=server_tls))
        self._write("master.cf", MASTER)
        self._write("users", "".join(f"{u}@{d} {u}/\n" for u in USERS for d in domains))

    def _write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def command(self, *args, **kw):
        return netlab.run("ip", "netns", "exec", self.ns, *args, **kw)

    def start(self):
        self.lab.endings.append(self.stop)
        self.command("postfix", "-c", self.dir, "start")
        netlab.wait_for(lambda: self.command("ss", "-Hltn", "sport = :25").strip(),
                        f"{self.name}: {self.log()}")

    def stop(self):
        self.command("postfix", "-c", self.dir, "stop", check=False)

    def set(self, **parameters):
        """Change main.cf, and have it read."""
        self.command("postconf", "-c", self.dir, "-e",
                     *[f"{k} = {v}" for k, v in parameters.items()])
        self.command("postfix", "-c", self.dir, "reload")

    def log(self):
        path = os.path.join(self.dir, "mail.log")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as f:
            return f.read()

    def submit(self, sender, recipients, mail):
        """As sendmail(1) takes it from a local program; bytes, lines may end with CRLF."""
        subprocess.run(["ip", "netns", "exec", self.ns, "sendmail", "-C", self.dir, "-i", "-f",
                        sender, "--", *recipients], input=mail, check=True, timeout=60)

    def submit_many(self, mails):
        """(sender, recipients, bytes) each, in one session with the own smtpd."""
        netlab.inside(self.ns, _submit, mails)

    def queue(self):
        """Lines of postqueue, one for each mail that is there; [] when it is empty."""
        return self.command("postqueue", "-c", self.dir, "-j").splitlines()

    def drain(self, seconds=60):
        """Wait until nothing is in the queue any more."""
        end = time.monotonic() + seconds
        while self.queue():
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name}: still queued: {self.queue()[:3]}\n"
                                   f"{self.log()[-3000:]}")
            time.sleep(0.1)

    def mails(self, user, policy=email.policy.default):
        """What came for a user, parsed."""
        folder = os.path.join(self.dir, "mail", user, "new")
        found = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), "rb") as f:
                found.append(email.message_from_bytes(f.read(), policy=policy))
        return found

    def everything(self):
        """All bytes of all mails, and of what lies in the queue."""
        data = b""
        for top in ("mail", "queue"):
            for at, _, files in os.walk(os.path.join(self.dir, top)):
                for name in files:
                    path = os.path.join(at, name)
                    if not os.path.isfile(path):
                        continue
                    try:
                        with open(path, "rb") as f:
                            data += f.read()
                    except OSError:
                        continue  # it went on its way
        return data

    def bounced(self, text):
        """Log lines that say that a mail bounced, and why."""
        return [line for line in self.log().splitlines()
                if "status=bounced" in line and text in line]

    def deferred(self):
        return [line for line in self.log().splitlines() if "status=deferred" in line]


def _submit(mails):
    import smtplib  # pylint: disable=import-outside-toplevel
    with smtplib.SMTP("127.0.0.1", 25, timeout=60) as s:
        for sender, recipients, mail in mails:
            s.sendmail(sender, recipients, mail)


def make_certificate(folder, name):
    netlab.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
               "-subj", f"/CN={name}", "-keyout", os.path.join(folder, "key.pem"),
               "-out", os.path.join(folder, "cert.pem"))


def said(lines):
    """The answers of the other side that log lines quote."""
    return [m.group(1) for m in (re.search(r"said: (.*) \(in reply to", line) for line in lines)
            if m]
