"""Attestation: programs that get the digests of what was verified and may refuse the start, and the TPM that is told."""

import hashlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import threading
import time
import tty
from pathlib import Path

import pytest

from harness import layout, sealed
from harness.container import alive, until
from test_admit import UNVERIFIED, flip, gate, required  # noqa: F401: the last two are fixtures

pytestmark = [pytest.mark.ours, pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")]

DIR = "/etc/ocirt/attest.d"
ANNOTATION = "org.ocirt.attest"
CLASS = Path("/sys/class/tpm/tpm0")
NOTHING = "stdout: , stderr: "


class Programs:
    """Those of a gate's system; what they say goes to a log of the host's."""

    def __init__(self, gate):
        self.gate = gate
        self.dir = gate.system / "etc/ocirt/attest.d"
        self.dir.mkdir()
        self.log = gate.dir.parent / f"log.{gate.bundle.id}"
        self.log.touch()
        self.log.chmod(0o666)

    def add(self, name, script="exit 0", mode=0o755):
        path = self.dir / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(mode)
        return path

    def says(self, name, word=None, then=":"):
        return self.add(name, f"echo {word or name} >>{self.log}; {then}")

    @property
    def said(self):
        words = self.log.read_text().split()
        self.log.write_text("")
        return words


@pytest.fixture
def programs(required):
    return Programs(required)


def annotate(g, script, name="asked"):
    """The program that the config names, in the bundle."""
    path = g.dir / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    g.bundle.annotate(**{ANNOTATION: name})
    return path


# -- what they get -------------------------------------------------------------------------------------------


def test_digests_arrive_whole(programs):
    g = programs.gate
    g.hook("prestart", "hook", "#!/bin/sh\n:\n")
    annotate(g, f"cat >{programs.log}.2")
    programs.add("a", f"cat >{programs.log}")
    g.seal("--not-before", "5", version=7)
    text = (g.dir / "seal.json").read_bytes()
    g.runs()
    got = json.loads(programs.log.read_text())
    assert got == json.loads(Path(f"{programs.log}.2").read_text())
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", g.public, "-outform", "DER"], capture_output=True, check=True)
    created = json.loads(text)["created"]
    assert got == {
        "format": 1,
        "id": g.bundle.id,
        "bundle": str(g.dir),
        "key": sealed.sha256(der.stdout),
        "strength": "writable: can change after the check",
        "sha256": sealed.sha256(text),
        "manifest": json.loads(sealed.manifest(g.dir, "app", 7, created, "rootfs", ["asked", "data", "hook"], 5)),
    }
    told = g.runtime.call("verify", "--key", g.public, g.dir, root=False).ok().out
    assert f"signed by key {got['key']} " in told and f"\nrootfs: directory, {got['strength']}\n" in told


def test_many_files_and_a_program_that_reads_none_of_it(programs):
    """More than a pipe takes, so that it is written to after its reader has gone."""
    g = programs.gate
    deep = Path(*("d" * 200 for _ in range(5)))
    (g.dir / deep).mkdir(parents=True)
    options = []
    for i in range(110):
        (g.dir / deep / f"{i}").write_text(f"{i}")
        options += ["--file", deep / f"{i}"]
    programs.says("a", then="exec <&-; sleep 0.2")
    programs.says("b")
    programs.add("c", f"cat >{programs.log}.2")
    g.seal(*options)
    g.runs(before=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    assert programs.said == ["a", "b"]
    text = Path(f"{programs.log}.2").read_text()
    assert len(text) > 100000 and json.loads(text)["manifest"] == json.loads((g.dir / "seal.json").read_text())


def test_surroundings(programs):
    """As of a runtime hook: directory, environment, descriptors, signals; and nothing is made yet.

    The shell itself reads the signals, first: dash blocks all while it waits for a command, and none afterwards.
    """
    g = programs.gate
    programs.add("a", "{ pwd; echo $WORD; while read -r line; do case $line in SigBlk*|SigIgn*) echo \"$line\";; esac; "
                      f"done </proc/$$/status; ls {g.runtime.root}; "
                      f"for f in /proc/$$/fd/*; do readlink $f || :; done; }} >{programs.log}")
    g.seal()
    g.runs(env={**os.environ, "WORD": "word"}, before=lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN))
    lines = programs.log.read_text().splitlines()
    assert lines[:4] == [str(g.dir), "word", "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"], lines
    known = ("", str(programs.log), f"{DIR}/a")
    assert all(target in known or target.startswith("pipe:") for target in lines[4:]), lines


def test_order(programs):
    g = programs.gate
    for name in ("b", "a", "Z", "10-x", "9-x", "aa"):
        programs.says(name)
    programs.add(".hidden", "exit 1", 0o644)
    programs.add("a~", "exit 1", 0o777)
    annotate(g, f"echo asked >>{programs.log}")
    g.hook("prestart", "hook", f"#!/bin/sh\necho hook >>{programs.log}\n")
    g.seal().runs()
    assert programs.said == ["10-x", "9-x", "Z", "a", "aa", "b", "asked", "hook"]
    g.call("create", "--dry-run").ok()
    g.runtime.call("verify", "--key", g.public, g.dir, root=False).ok()
    assert programs.said == []


def test_nobody_is_asked(programs):
    programs.dir.rmdir()
    programs.gate.seal().runs()


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script, text", [
    ("exit 3", f"exit status 3, {NOTHING}"),
    ("echo out; echo err 1>&2; exit 1", "exit status 1, stdout: out, stderr: err"),
    ("kill -9 $$", f"signal 9, {NOTHING}"),
    ("kill -TERM $$", f"signal 15, {NOTHING}"),
], ids=["exit", "output", "kill", "term"])
def test_refusal(programs, script, text):
    """The next one is not asked, and the version is not accepted."""
    g = programs.gate
    programs.says("a")
    programs.says("b", then=script)
    programs.says("c")
    g.seal()
    g.refused(f"{DIR}/b: {text}")
    assert programs.said == ["a", "b"] * 2 and not g.accepted.exists()


def test_program_that_cannot_be_executed(programs):
    g = programs.gate.seal()
    path = programs.add("a")
    path.write_text("#!/no/such/interpreter\n")
    g.refused(f"{DIR}/a: exec {DIR}/a: no such file or directory")
    path.write_text("nothing\n")
    g.refused(f"{DIR}/a: exec {DIR}/a: exec format error")


NOT_PROGRAM = "not an executable file of root's that nobody else can write to"
NOT_DIRECTORY = f"{DIR}: not a directory of root's that nobody else can write to"


@pytest.mark.parametrize("spoil", [
    lambda p: p.chmod(0o644), lambda p: p.chmod(0o775), lambda p: p.chmod(0o757), lambda p: os.chown(p, 1000, 0),
    lambda p: (p.unlink(), p.symlink_to("/bin/true")), lambda p: (p.unlink(), p.mkdir()), lambda p: (p.unlink(), os.mkfifo(p, 0o755)),
], ids=["not executable", "group", "others", "owner", "link", "directory", "fifo"])
def test_what_is_no_program(programs, spoil):
    g = programs.gate.seal()
    path = programs.says("b")
    programs.says("a")
    g.runs()
    assert programs.said == ["a", "b"]
    spoil(path)
    g.refused(f"{DIR}/b: {NOT_PROGRAM}")


def test_directory_that_is_none_of_roots(programs):
    g = programs.gate.seal()
    programs.dir.chmod(0o775)
    g.refused(NOT_DIRECTORY)
    programs.dir.chmod(0o757)
    g.refused(NOT_DIRECTORY)
    programs.dir.chmod(0o755)
    os.chown(programs.dir, 1000, 0)
    g.refused(NOT_DIRECTORY)
    programs.dir.rmdir()
    programs.dir.write_text("")
    g.refused(f"open {DIR}: not a directory")
    programs.dir.unlink()
    programs.dir.symlink_to("/not/mounted/yet")
    g.refused(f"open {DIR}: no such file or directory")


@pytest.mark.patience(90)
def test_timeout(programs):
    g = programs.gate.seal()
    programs.add("a", f"echo $$ >>{programs.log}; sleep 1000 & echo $! >>{programs.log}; wait")
    began = time.monotonic()
    g.call("create", timeout=60).fails(f"{DIR}/a: timed out after 30 s, {NOTHING}", code=UNVERIFIED)
    assert 30 <= time.monotonic() - began < 40
    assert not any(map(alive, programs.said)), "nor its children"


def test_children_that_hold_everything_are_not_waited_for(programs):
    g = programs.gate.seal()
    programs.add("a", f"sleep 1000 & echo $! >>{programs.log}")
    began = time.monotonic()
    g.runs()
    assert time.monotonic() - began < 10
    for pid in programs.said:
        os.kill(int(pid), signal.SIGKILL)


@pytest.mark.parametrize("name, code", [("TERM", 1), ("KILL", -9)])
@pytest.mark.parametrize("policy", ["required", "warn"])
def test_ocirt_ends_meanwhile(programs, name, code, policy):
    """Also where a refusal would only be a warning."""
    g = programs.gate.seal()
    g.policy(policy=policy)
    programs.add("a", f"echo $$ >>{programs.log}; exec sleep 1000")
    line = [*g.wrap, g.runtime.path, "--root", str(g.runtime.root), "run", "--bundle", str(g.dir), g.bundle.id]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            until(lambda: programs.log.read_text().endswith("\n"), "the program runs")
            child.send_signal(getattr(signal, f"SIG{name}"))
            out, err = child.communicate(timeout=20)
        finally:
            child.kill()
    assert out == "" and child.returncode != 0 and (code < 0) == (child.returncode == code), (child.returncode, err)
    (pid,) = programs.said
    until(lambda: not alive(pid), "the program has ended, too")
    assert not os.listdir(g.runtime.root) and not layout.directories(g.bundle.id) and not g.accepted.exists()


def test_ocirt_dies_before_the_program_would_die_with_it(programs):
    """Between the clone and the setting of the death signal."""
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    g = programs.gate.seal()
    programs.says("a")
    g.runs()
    assert programs.said == ["a"]
    result = g.call("run", wrap=("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=prctl,pidfd_open",
                                 "-e", "inject=prctl:delay_enter=300000", "-e", "inject=pidfd_open:signal=KILL"))
    assert result.code == -signal.SIGKILL and programs.said == [], result


# -- policies ------------------------------------------------------------------------------------------------


def test_warn(programs):
    """Everybody is asked, and it starts."""
    g = programs.gate.seal()
    g.policy(policy="warn")
    programs.says("a", then="exit 1")
    programs.says("b").chmod(0o777)
    programs.says("c")
    assert g.runs().warnings == [f"{DIR}/a: exit status 1, {NOTHING}", f"{DIR}/b: {NOT_PROGRAM}"]
    assert programs.said == ["a", "c"]
    assert g.accepted.joinpath("app").read_text().split()[0] == "1"


def test_without_verified_digests_nobody_is_asked(programs):
    g = programs.gate.seal()
    programs.says("a", then="exit 1")
    g.runs("--verify=off")
    g.policy(policy="warn")
    (g.dir / "data/file").write_text("other\n")
    assert g.runs(out="started\nother\n").warnings == ["not verified: data: not what was sealed"]
    assert programs.said == []


def test_key_of_the_command_line_asks_too(programs):
    g = programs.gate.seal()
    g.policy(policy="off")
    programs.says("a", then="exit 1")
    g.runs()
    g.refused(f"{DIR}/a: exit status 1, {NOTHING}", "--key", g.public)


def test_a_caller_without_privilege_cannot_pass_it_by(programs):
    g = programs.gate
    g.bundle.user_namespace(1000, 1).drop("linux.cgroupsPath")
    (g.dir / "rootfs/root").chmod(0o755)
    programs.says("a", then="id -u; exit 1")
    g.seal()
    g.runtime = g.runtime.by(1000)
    text = f"{DIR}/a: exit status 1, stdout: 1000, stderr: "
    g.refused(text)
    g.refused(text, "--verify=required")
    g.call("create", "--verify=warn").fails('--verify: weaker than "required" of /etc/ocirt/verify.json', code=UNVERIFIED)


# -- the one that the config names ---------------------------------------------------------------------------


def test_annotated_program(programs):
    g = programs.gate
    path = annotate(g, f"echo asked >>{programs.log}; exit 4")
    g.seal().refused(f"asked: exit status 4, {NOTHING}")
    g.bundle.annotate(**{ANNOTATION: str(path)})
    g.seal().refused(f"{path}: exit status 4, {NOTHING}")
    assert programs.said == ["asked"] * 4
    m = json.loads((g.dir / "seal.json").read_text())
    m["files"] = [o for o in m["files"] if o["path"] != "asked"]
    (g.dir / "seal.json").write_text(json.dumps(m))
    sealed.sign(g.dir, g.private)
    g.refused(f'annotations: {ANNOTATION}: "asked" was not sealed')
    g.seal()
    flip(path, 3)
    g.refused("asked: not what was sealed")
    assert programs.said == []


def test_annotated_program_outside_the_bundle(programs):
    g = programs.gate
    path = g.dir.parent / f"outside.{g.bundle.id}"
    path.write_text(f"#!/bin/sh\necho outside >>{programs.log}\n")
    path.chmod(0o755)
    g.bundle.annotate(**{ANNOTATION: str(path)})
    g.seal().runs()
    assert programs.said == ["outside"]
    flip(path, 15)
    g.refused(f"{path}: not what was sealed")


def test_annotated_program_is_executed_from_what_was_compared(programs):
    g = programs.gate
    annotate(g, f"echo asked >>{programs.log}")
    programs.add("a", f"printf '#!/bin/sh\\necho evil >>{programs.log}\\n' >new; chmod 755 new; mv new asked")
    g.seal().runs()
    assert programs.said == ["asked"]


# -- the TPM -------------------------------------------------------------------------------------------------


class Tpm:
    """A terminal in the place of /dev/tpmrm0, and somebody who answers as he is told; `asked` has what he got."""

    def __init__(self, answers):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.symlink(os.ttyname(self.slave), "/dev/tpmrm0")
        self.asked, self.answers = [], answers
        self.thread = threading.Thread(target=self.serve)

    def serve(self):
        for answer in self.answers:
            head = self.get(10)
            if len(head) < 10:
                return
            self.asked.append(head + self.get(struct.unpack(">I", head[2:6])[0] - 10))
            os.write(self.master, answer)

    def get(self, n):
        data = b""
        while len(data) < n:
            try:
                more = os.read(self.master, n - len(data))
            except OSError:
                break
            if not more:
                break
            data += more
        return data

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.unlink("/dev/tpmrm0")
        os.close(self.slave)
        self.thread.join(5)
        os.close(self.master)


HAS = bytes.fromhex("8001 0000003e 00000000 00000001 00000001 000b 03 000100 00000001 0020") + bytes(32)
HAS_NOT = bytes.fromhex("8001 0000001c 00000000 00000001 00000001 000b 03 000000 00000000")
DONE = bytes.fromhex("8002 00000013 00000000 00000000 0000 00 0000")


def test_pcr_is_extended(programs):
    """After the programs have agreed; the command's bytes as the specification has them."""
    g = programs.gate.seal()
    g.policy(policy="required", pcr=11)
    digest = hashlib.sha256((g.dir / "seal.json").read_bytes()).hexdigest()
    with Tpm([HAS, DONE]) as tpm:
        refusing = programs.says("a", then="exit 1")
        g.call("create").fails(f"{DIR}/a: ", code=UNVERIFIED)
        assert tpm.asked == []
        refusing.unlink()
        g.runs()
    assert [command.hex() for command in tpm.asked] == [
        "8001" "00000014" "0000017e" "00000001" "000b" "03" "000800",
        "8002" "00000041" "00000182" "0000000b" "00000009" "40000009" "0000" "00" "0000" "00000001" "000b" + digest]


@pytest.mark.parametrize("answers, text", [
    ([HAS, bytes.fromhex("8001 0000000a 00000907")], "response code 0x907"),
    ([bytes.fromhex("8001 0000000a 00000101")], "response code 0x101"),
    ([HAS_NOT], "not in a SHA-256 bank"),
    ([b"garbage"], "7 bytes that are no answer"),
    ([HAS, DONE[:-1]], "18 bytes that are no answer"),
    ([HAS, HAS], "62 bytes that are no answer"),
    ([HAS, b"\0" + DONE[1:]], "19 bytes that are no answer"),
], ids=["locality", "failure", "no bank", "garbage", "short", "other", "tag"])
def test_tpm_that_says_no(required, answers, text):
    g = required.seal()
    g.policy(policy="required", pcr=0)
    with Tpm(answers):
        g.call("create").fails(f"/dev/tpmrm0: PCR 0: {text}", code=UNVERIFIED)
    assert not os.listdir(g.runtime.root) and not g.accepted.exists()
    g.policy(policy="warn", pcr=0)
    with Tpm(answers):
        assert g.runs().warnings == [f"/dev/tpmrm0: PCR 0: {text}"]


def test_tpm_that_does_not_answer(required):
    g = required.seal()
    g.policy(policy="required", pcr=23)
    with Tpm([b""]):
        g.call("create").fails("/dev/tpmrm0: PCR 23: no answer within 10 s", code=UNVERIFIED)


def test_no_tpm(required):
    g = required.seal()
    g.policy(policy="required", pcr=11)
    g.refused("open /dev/tpm0: no such file or directory")
    g.policy(policy="warn", pcr=11)
    assert g.runs().warnings == ["open /dev/tpm0: no such file or directory"]
    g.policy(policy="off", pcr=11)
    g.runs()


@pytest.mark.parametrize("value", ["24", "-1", '"8"', "null"])
def test_pcr_that_is_none(gate, value):  # noqa: F811
    gate.bundle.write()
    gate.policy(f'{{"policy": "off", "pcr": {value}}}')
    result = gate.call("create").fails("/etc/ocirt/verify.json: pcr: ", code=UNVERIFIED)
    assert result.message.startswith(f"{gate.runtime.name} create failed: /etc/ocirt/verify.json: pcr: "), result


@pytest.mark.skipif(not (CLASS / "pcr-sha256/16").exists(), reason="no TPM here that shows its SHA-256 bank")
def test_pcr_of_this_machine(required):
    """By the kernel's driver and a TPM of the machine's own, a virtual one in a virtual machine."""
    g = required.seal()
    number = 16  # for debugging: any locality
    g.policy(policy="required", pcr=number)
    node = CLASS / "device/tpmrm/tpmrm0/dev"
    major, minor = map(int, (node if node.exists() else Path("/sys/class/tpmrm/tpmrm0/dev")).read_text().split(":"))
    was = bytes.fromhex((CLASS / f"pcr-sha256/{number}").read_text())
    os.mknod("/dev/tpmrm0", 0o600 | 0o020000, os.makedev(major, minor))
    try:
        for version in (1, 2):
            g.seal(version=version).runs()
            was = hashlib.sha256(was + hashlib.sha256((g.dir / "seal.json").read_bytes()).digest()).digest()
            assert bytes.fromhex((CLASS / f"pcr-sha256/{number}").read_text()) == was
        g.policy(policy="required", pcr=17)  # of locality 4
        g.call("create").fails("/dev/tpmrm0: PCR 17: response code 0x907", code=UNVERIFIED)
    finally:
        os.unlink("/dev/tpmrm0")
