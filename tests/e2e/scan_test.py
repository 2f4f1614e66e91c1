#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""slussctl over a tree of files: findings, exit statuses, and no identifier in
clear in anything that it prints (the canary, invariant 5).

usage: scan_test.py SLUSSCTL SOURCE-ROOT
"""
import base64
import gzip
import json
import os
import pathlib
import pty
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

SLUSSCTL, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(ROOT / "tests" / "support"))
import identifiers  # noqa: E402

NUMBERS = [n for _, n in zip(range(2000), identifiers.test_personnummer())][::100]
NOBODY = 65534


def hyphenated(n):
    return identifiers.hyphenated(NUMBERS[n])


def mail(subject, body, attachment=None):
    head = ("From: a@vard.example\nTo: b@leverantor.example\nSubject: %s\n"
            "Message-ID: <1@vard.example>\nMIME-Version: 1.0\n" % subject)
    if attachment is None:
        return head + "Content-Type: text/plain; charset=utf-8\n\n" + body + "\n"
    name, data = attachment
    return (head + "Content-Type: multipart/mixed; boundary=gr\n\n--gr\n\n" + body +
            "\n--gr\nContent-Type: text/csv\nContent-Transfer-Encoding: base64\n"
            'Content-Disposition: attachment; filename="%s"\n\n' % name +
            base64.encodebytes(data).decode() + "--gr--\n")


def rows(*numbers):
    return "personnummer;namn\n" + "".join("%s;Test\n" % hyphenated(n) for n in numbers)


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


POLICY = """schema: 1
name: kontroll
version: 7
classes: [K0, K2, K3]
domains:
  vard:     {control: inside,  networks: [10.10.0.0/16]}
  internet: {control: outside, networks: ["0.0.0.0/0", "::/0"]}
packs: [se-personal]
information:
  - {id: person, class: K2, when: {personnummer: 1}}
  - {id: many,   class: K3, when: {personnummer: 3, unique: true}}
egress:
  - {from: vard, to: internet, channel: any, ceiling: K0, over: refuse, opaque: alert}
default: {ceiling: K0, over: alert, opaque: alert}
"""


def plant(tree):
    """A tree in which every identifier of NUMBERS[0:12] is somewhere."""
    write(tree / "brev.eml", mail("Patient " + hyphenated(0), "Se bilagan.",
                                  ("lista %s.csv" % hyphenated(1), rows(1, 2, 3).encode())))
    separator = "From a@vard.example Fri Jul  8 12:08:34 2011\n"
    write(tree / "lada.mbox", separator + mail("ett", "personnummer " + hyphenated(4)) + "\n" +
          separator + mail("två", "personnummer " + hyphenated(5)))
    write(tree / "latin1.csv", ("Födelsedag och " + rows(6, 7)).encode("iso-8859-1"))
    write(tree / "packad.csv.gz", gzip.compress(rows(8).encode(), mtime=0))
    write(tree / "Maildir" / "cur" / "1.vard:2,S", mail("tre", "personnummer " + hyphenated(9)))
    write(tree / ("namn %s.txt" % hyphenated(10)), "Inget här.\n")
    write(tree / "rent.txt", "En helt vanlig text om kanalslussar.\n")
    write(tree / "tom", "")
    os.symlink("..", tree / "slinga")
    os.mkfifo(tree / "ror")


class Scan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="sluss-scan-"))
        os.chmod(cls.dir, 0o755)
        cls.tree = cls.dir / "usb"
        plant(cls.tree)
        # Where somebody who may not read the source tree finds the packs too.
        shutil.copytree(ROOT / "policy" / "packs", cls.dir / "packs")
        cls.env = {k: v for k, v in os.environ.items() if k != "SLUSS_KEY"}
        cls.env["SLUSS_PACKS"] = str(cls.dir / "packs")
        cls.clear = set()
        for n in NUMBERS[:12]:
            cls.clear |= {n, n[2:], identifiers.hyphenated(n), n[2:8] + "-" + n[8:]}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def run_it(self, *args, as_nobody=False):
        def drop():
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        program = SLUSSCTL
        if as_nobody:
            program = self.dir / "slussctl"
            shutil.copy2(SLUSSCTL, program)
            os.chmod(program, 0o755)
        done = subprocess.run([program, *args], env=self.env, timeout=120, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              preexec_fn=drop if as_nobody else None, check=False)
        for n in self.clear:
            self.assertNotIn(n, done.stdout, "in clear on standard output")
            self.assertNotIn(n, done.stderr, "in clear on standard error")
        return done

    def scan_json(self, *args):
        done = self.run_it("scan", "--json", *args)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, {r["file"]["path"].rsplit("/", 1)[-1]: r for r in records}

    def distinct(self, record):
        return sum(d["distinct"] for d in record["sluss"]["detectors"]
                   if d["id"] == "personnummer")

    def test_findings(self):
        status, records = self.scan_json(str(self.tree))
        self.assertEqual(status, 1)
        want = {"brev.eml": 4, "lada.mbox": 2, "latin1.csv": 2, "packad.csv.gz": 1,
                "1.vard:2,S": 1, "rent.txt": 0, "tom": 0}
        got = {name: self.distinct(records[name]) for name in want}
        self.assertEqual(got, want)
        self.assertEqual(len(records), len(want) + 1, "one line for each regular file")
        self.assertEqual(records["lada.mbox"]["sluss"]["messages"], 2)

    def test_masks_and_parts(self):
        _, records = self.scan_json(str(self.tree / "brev.eml"))
        found = records["brev.eml"]["sluss"]["findings"]
        self.assertTrue(any("base64" in f["part"] for f in found), found)
        for f in found:
            self.assertRegex(f["mask"], r"^[0-9]{2,4}\*+-\*{4}$")
            self.assertRegex(f["pseudonym"], "^[0-9a-f]{32}$")

    def test_records_keep_the_schema(self):
        schema = json.loads((ROOT / "policy" / "event_schema.json").read_text(encoding="utf-8"))
        types = {f["name"]: f["type"] for f in schema["fields"] if "scan" in f["in"]}
        _, records = self.scan_json(str(self.tree))
        for record in records.values():
            self.assertEqual(list(record), ["file", "sluss"])
            for name, value in leaves(record, ""):
                self.assertIn(name, types)
                self.assertTrue(fits(value, types[name]), (name, value))

    def test_text(self):
        done = self.run_it("scan", str(self.tree))
        self.assertEqual(done.returncode, 1)
        for word in ("brev.eml", "lada.mbox", "latin1.csv", "personnummer", "5 with findings",
                     "1 link,", "1 special file,"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("rent.txt", done.stdout)
        self.assertIn("can't be compared", done.stderr)

    def test_quiet(self):
        done = self.run_it("scan", "--quiet", str(self.tree))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", ""))

    def test_clean(self):
        done = self.run_it("scan", str(self.tree / "rent.txt"), str(self.tree / "tom"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 files", done.stdout)

    def test_trouble_does_not_stop_the_rest(self):
        missing = self.tree / ("borta " + hyphenated(11))
        done = self.run_it("scan", str(missing), "/dev/zero", str(self.tree / "ror"),
                           str(self.tree / "latin1.csv"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("No such file", done.stderr)
        self.assertEqual(done.stderr.count("neither a regular file"), 2)
        self.assertIn("latin1.csv", done.stdout)

    def test_unreadable_file(self):
        tree = self.dir / "last"
        write(tree / "fil", rows(1))
        write(tree / ("hemlig " + hyphenated(11)), rows(2))
        os.chmod(tree / ("hemlig " + hyphenated(11)), 0)
        done = self.run_it("scan", str(tree), as_nobody=os.getuid() == 0)
        self.assertEqual(done.returncode, 2)
        self.assertIn("Permission denied", done.stderr)
        self.assertIn("1 file (", done.stdout)
        self.assertIn("1 with findings", done.stdout)

    def test_formats_that_are_not_read(self):
        """They are counted, in files too, and don't change the status."""
        tree = self.dir / "packad"
        tree.mkdir()
        with zipfile.ZipFile(tree / "a.zip", "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("a.txt", rows(3))
        write(tree / "b.txt", "inget")
        done = self.run_it("scan", str(tree))
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"not readable: \d+ B in 1 file \(--json names them\)")
        self.assertNotIn(" in ", self.run_it("scan", str(tree / "b.txt")).stdout)
        done = self.run_it("scan", "--json", str(tree))
        self.assertNotIn("names them", done.stderr)
        record = json.loads(done.stdout.splitlines()[0])
        self.assertEqual(record["sluss"]["opaque"][0]["reason"], "unknown-format")

    def test_policy_tells_of_its_tests(self):
        done = self.run_it("policy", "check", str(ROOT / "policy" / "examples" / "perimeter.yaml"))
        self.assertIn("2 tests (read, not run: that isn't in this version)", done.stdout)
        done = self.run_it("policy", "check", str(ROOT / "policy" / "examples" / "default.yaml"))
        self.assertIn("0 tests; digest", done.stdout)

    def test_pieces_do_not_matter(self):
        """A number on the border between two reads, and more different ones than listed."""
        numbers = [n for _, n in zip(range(20000), identifiers.test_personnummer())]
        big = self.dir / "stor.csv"
        write(big, "personnummer\n" + "".join("%s\n" % n for n in numbers))
        status, records = self.scan_json(str(big))
        self.assertEqual(status, 1)
        self.assertEqual(self.distinct(records["stor.csv"]), 20000)
        self.assertEqual(len(records["stor.csv"]["sluss"]["findings"]), 20)

    def test_pseudonyms_with_a_key(self):
        where = self.dir / "nyckel"
        self.assertEqual(self.run_it("init", "--dir", str(where)).returncode, 0)
        again = self.run_it("init", "--dir", str(where))
        self.assertEqual(again.returncode, 2)
        self.assertIn("exists already", again.stderr)
        key = where / "pseudonym.key"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        runs = [self.run_it("scan", "--json", "--key", str(key), str(self.tree)) for _ in "ab"]
        self.assertEqual(runs[0].stdout, runs[1].stdout)
        self.assertNotIn("can't be compared", runs[0].stderr)
        self.assertNotEqual(runs[0].stdout, self.run_it("scan", "--json", str(self.tree)).stdout)
        os.chmod(key, 0o644)
        wide = self.run_it("scan", "--key", str(key), str(self.tree))
        self.assertEqual(wide.returncode, 2)
        self.assertIn("chmod 600", wide.stderr)

    def test_classes_of_a_policy(self):
        policy = self.dir / "kontroll.yaml"
        write(policy, POLICY)
        status, records = self.scan_json("--policy", str(policy), str(self.tree))
        self.assertEqual(status, 1)
        self.assertEqual({name: records[name]["sluss"]["class"] for name in
                          ("brev.eml", "lada.mbox", "latin1.csv", "rent.txt")},
                         {"brev.eml": "K3", "lada.mbox": "K2", "latin1.csv": "K2",
                          "rent.txt": "K0"})
        self.assertEqual(records["brev.eml"]["sluss"]["policy"]["name"], "kontroll")
        self.assertEqual(records["brev.eml"]["sluss"]["policy"]["version"], 7)
        self.assertIn("many", [i["id"] for i in records["brev.eml"]["sluss"]["information"]])
        done = self.run_it("scan", "--policy", str(policy), str(self.tree / "brev.eml"))
        self.assertIn("class K3: ", done.stdout)

    def test_policy_check(self):
        good, bad = self.dir / "bra.yaml", self.dir / "fel.yaml"
        write(good, POLICY)
        done = self.run_it("policy", "check", str(good))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("valid: 0 errors, 0 warnings; policy kontroll version 7", done.stdout)
        self.assertEqual(self.run_it("policy", "check", "--strict", str(good)).returncode, 0)
        write(bad, POLICY.replace("class: K3", "class: K7"))
        done = self.run_it("policy", "check", str(bad))
        self.assertEqual(done.returncode, 2)
        line = 1 + POLICY[:POLICY.index("class: K3")].count("\n")
        self.assertIn("%s:%d:" % (bad, line), done.stdout)
        self.assertIn("not valid: 1 error, 0 warnings", done.stdout)
        self.assertEqual(self.run_it("scan", "--policy", str(bad), str(self.tree)).returncode, 2)
        self.assertEqual(self.run_it("policy", "check", str(self.dir / "nej")).returncode, 2)

    def test_policy_check_strict(self):
        odd = self.dir / "udda.yaml"
        row = POLICY[POLICY.index("  - {from: vard, to: internet"):POLICY.index("default")]
        write(odd, POLICY.replace(row, row + row))  # the second can never decide
        done = self.run_it("policy", "check", str(odd))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("warning", done.stdout)
        self.assertEqual(self.run_it("policy", "check", "--strict", str(odd)).returncode, 1)

    def test_bar_on_a_terminal(self):
        ours, theirs = pty.openpty()
        with subprocess.Popen([SLUSSCTL, "scan", "--json", str(self.tree)], env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=theirs) as p:
            os.close(theirs)
            shown = b""
            try:
                while piece := os.read(ours, 4096):
                    shown += piece
            except OSError:
                pass  # the other end is gone
            os.close(ours)
        self.assertEqual(p.returncode, 1)
        self.assertRegex(shown.decode(), r"\r\[#* *\] +\d+ %  .* of .*, \d+ of 8 files")
        for n in self.clear:
            self.assertNotIn(n, shown.decode())

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SLUSSCTL, "scan", "--json", str(self.tree)], env=self.env,
                                  stdin=subprocess.DEVNULL, stdout=full, check=False,
                                  stderr=subprocess.PIPE, timeout=120)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"No space left", done.stderr)

    def test_wrong_use(self):
        for args in ([], ["activate"], ["policy"], ["scan"], ["scan", "--nope", "x"],
                     ["policy", "check"], ["init", "x"], [hyphenated(3)]):
            self.assertEqual(self.run_it(*args).returncode, 2, args)
        self.assertIn("isn't in this version", self.run_it("activate", "x").stderr)

    def test_help(self):
        for args in (["--help"], ["--version"], ["scan", "--help"], ["init", "--help"],
                     ["policy", "check", "--help"]):
            done = self.run_it(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("slussctl", done.stdout)


def leaves(value, name):
    """Every field with its value: objects are gone into, lists of objects too."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, name + "." + key if name else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for element in value:
            yield from leaves(element, name)
    else:
        yield name, value


def fits(value, kind):
    if kind.endswith("[]"):
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if kind == "long":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, bool if kind == "boolean" else str)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
