# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads by real clients to real servers, recorded: the ground truth is what
was put into them. Each carries identifiers of its own, so that an event can be
told by what it counts.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import identifiers  # noqa: E402
import netlab  # noqa: E402

NGINX = """
daemon off; worker_processes 1; error_log {dir}/nginx-error.log; pid {dir}/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {dir}/nginx-body; client_max_body_size 256m;
  server {{ listen {address}:80; listen {address}:8080; root {dir}/www;
    location /upload/ {{ dav_methods PUT DELETE; create_full_put_path on; }}
    location /form {{ return 200 "thanks\\n"; }}
    location /page/ {{ gzip on; gzip_min_length 1; gzip_types text/plain; }} }}
}}
"""

VSFTPD = """
listen=YES
listen_ipv6=NO
listen_address={address}
listen_port={port}
background=NO
anonymous_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
write_enable=YES
no_anon_password=YES
anon_root={dir}/ftp
allow_writeable_chroot=YES
pasv_enable=YES
port_enable=YES
connect_from_port_20=NO
seccomp_sandbox=NO
secure_chroot_dir={dir}/empty
xferlog_enable=NO
run_as_launching_user=NO
"""


class Truth:
    """What was uploaded: name, channel, direction, and how many persons are in it."""

    def __init__(self):
        self.numbers = identifiers.test_personnummer()
        self.uploads = []

    def table(self, n):
        """Rows of n new persons."""
        return "".join(f"{i};{identifiers.hyphenated(next(self.numbers))};ok\r\n"
                       for i in range(n)).encode()

    def add(self, name, channel, persons, **more):
        self.uploads.append({"name": name, "channel": channel, "persons": persons, **more})


def folders(lab, readable, writable):
    for names, mode in ((readable, 0o755), (writable, 0o777)):
        for d in names:
            os.makedirs(lab.path(d))
            os.chmod(lab.path(d), mode)


def web_folders(lab):
    folders(lab, ("www", "www/page"), ("www/upload", "nginx-body"))


def ftp_folders(lab):
    folders(lab, ("ftp", "empty"), ("ftp/in",))


def start_servers(lab, address=netlab.SERVER):
    os.makedirs(lab.path("mail"))
    web_folders(lab)
    ftp_folders(lab)
    for port in (25, 2525):
        lab.serve(port, "/usr/bin/python3",
                  os.path.join(os.path.dirname(os.path.abspath(__file__)), "smtp_server.py"),
                  address, str(port), lab.path("mail"), log=f"smtp{port}.log")
    conf = lab.file("nginx.conf", NGINX.format(dir=lab.dir, address=address))
    lab.serve(80, "nginx", "-c", conf, "-p", lab.dir)
    for port in (21, 2121):
        conf = lab.file(f"vsftpd{port}.conf",
                        VSFTPD.format(dir=lab.dir, address=address, port=port))
        lab.serve(port, "vsftpd", conf, log=f"vsftpd{port}.log")


def send_mails(lab, truth):
    def swaks(name, n, *more, port=25):
        path = lab.file(name, truth.table(n))
        lab.client("swaks", "--server", netlab.SERVER, "--port", str(port), "--helo", "vard.example",
                   "--from", "anna@vard.example", "--to", "support@leverantor.example",
                   "--header", f"Subject: {name}", "--attach-type", "text/csv",
                   "--attach-name", name, "--attach", "@" + path, *more)
        truth.add(name, "mail", n)

    swaks("bilaga.csv", 11)
    swaks("annan-port.csv", 12, port=2525)
    swaks("flera.csv", 13, "--to", "support@leverantor.example,refused@leverantor.example,"
          "chef@leverantor.example")
    swaks("rör-pipeline.csv", 14, "--pipeline")


def send_web(lab, truth):
    base = f"http://{netlab.SERVER}"

    def curl(name, n, url, *args, channel="web"):
        path = lab.file(name, truth.table(n))
        lab.client("curl", "-sS", "--fail", "--max-time", "30", "-o", "/dev/null",
                   *[a.replace("{}", path) for a in args], url)
        truth.add(name, channel, n)

    curl("put.csv", 21, base + "/upload/put.csv", "-T", "{}")
    curl("port8080.csv", 22, f"http://{netlab.SERVER}:8080/upload/port8080.csv", "-T", "{}")
    curl("chunked.csv", 23, base + "/upload/chunked.csv", "-T", "{}", "-H",
         "Transfer-Encoding: chunked")
    curl("form.csv", 24, base + "/form", "-F", "note=hej", "-F", "fil=@{};type=text/csv")
    curl("urlencoded.csv", 25, base + "/form", "--data-urlencode", "text@{}")


def send_ftp(lab, truth):
    def curl(name, n, port, *args):
        path = lab.file(name, truth.table(n))
        lab.client("curl", "-sS", "--fail", "--max-time", "30", "-T", path, *args,
                   f"ftp://{netlab.SERVER}:{port}/in/{name}")
        truth.add(name, "file", n)

    curl("passiv.csv", 31, 21)
    curl("epsv-av.csv", 32, 2121, "--disable-epsv")
    curl("aktiv.csv", 33, 21, "-P", netlab.CLIENT)
    name = "lftp.csv"
    path = lab.file(name, truth.table(34))
    lab.client("lftp", "-e", f"set net:max-retries 1; set net:timeout 10; put -O /in {path}; bye",
               f"ftp://{netlab.SERVER}:2121")
    truth.add(name, "file", 34)


def fetch(lab, truth):
    """Downloads leak as surely: a page, compressed by the server, and a file by RETR."""
    lab.file("www/page/lista.txt", truth.table(41))
    lab.client("curl", "-sS", "--fail", "--compressed", "--max-time", "30", "-o", "/dev/null",
               f"http://{netlab.SERVER}/page/lista.txt")
    truth.add("lista.txt", "web", 41, server=True)
    lab.file("ftp/hamta.csv", truth.table(42))
    lab.client("curl", "-sS", "--fail", "--max-time", "30", "-o", "/dev/null",
               f"ftp://{netlab.SERVER}/hamta.csv")
    truth.add("hamta.csv", "file", 42, server=True)


def send_all(lab):
    truth = Truth()
    send_mails(lab, truth)
    send_web(lab, truth)
    send_ftp(lab, truth)
    fetch(lab, truth)
    return truth.uploads
