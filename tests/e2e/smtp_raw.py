# SPDX-License-Identifier: GPL-3.0-or-later
"""An SMTP client that says what it is told to, in the pieces it is told to: for
what real clients don't do, or do differently from one version to the next.
To be run in a namespace: netlab.inside(ns, smtp_raw.talk, address, steps).
"""

import socket


def talk(address, steps, port=25, timeout=20):
    """Each step is bytes to send, or a number of replies to wait for.

    @return the replies as text, those that came although nobody waited included;
            the last is "closed" or "reset" where the other side ended it
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(timeout)
        s.connect((address, port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader, replies = Reader(s), []
        try:
            for step in steps:
                if isinstance(step, int):
                    for _ in range(step):
                        replies.append(reader.reply())
                else:
                    s.sendall(step)
            s.settimeout(2)
            while True:
                replies.append(reader.reply())
        except EOFError:
            replies.append("closed")
        except (ConnectionResetError, BrokenPipeError):
            replies.append("reset")
        except socket.timeout:
            replies.append("timeout")
        return replies


class Reader:
    def __init__(self, s):
        self.s, self.data = s, b""

    def line(self):
        while b"\n" not in self.data:
            more = self.s.recv(4096)
            if not more:
                raise EOFError
            self.data += more
        line, self.data = self.data.split(b"\n", 1)
        return line.decode("latin-1").rstrip("\r")

    def reply(self):
        """One reply with all its lines."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)


def envelope(sender, recipients):
    return (f"MAIL FROM:<{sender}>\r\n" + "".join(f"RCPT TO:<{r}>\r\n" for r in recipients)
            ).encode()


def data(sender, recipients, mail):
    """A mail by DATA, one step after the other. `mail` has CRLF lines."""
    steps = []
    for line in envelope(sender, recipients).splitlines(keepends=True):
        steps += [line, 1]
    stuffed = (b"\r\n" + mail).replace(b"\r\n.", b"\r\n..")[2:]
    return steps + [b"DATA\r\n", 1, stuffed + b".\r\n", 1]


def bdat(sender, recipients, mail, chunks=1, pipelined=False):
    """A mail by BDAT (RFC 3030)."""
    size = max(1, -(-len(mail) // chunks))
    pieces = [mail[i:i + size] for i in range(0, len(mail), size)]
    sends = envelope(sender, recipients).splitlines(keepends=True)
    for i, piece in enumerate(pieces):
        last = b" LAST" if i == len(pieces) - 1 else b""
        sends.append(b"BDAT %d%s\r\n" % (len(piece), last) + piece)
    if pipelined:
        return [b"".join(sends), len(sends)]
    return [step for send in sends for step in (send, 1)]


def session(*parts):
    """Greeting, EHLO, the parts, QUIT."""
    return [1, b"EHLO client.vard.example\r\n", 1] + [s for p in parts for s in p] + [
        b"QUIT\r\n", 1]
