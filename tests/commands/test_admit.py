"""--verify and --key of create and run: what was not signed does not start.  The system's own /etc/ocirt and
/var/lib/ocirt are covered by a test's, in a mount namespace of each call."""

import fcntl
import json
import os
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from harness import images, layout, sealed
from harness.container import until

pytestmark = [pytest.mark.ours, pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")]

UNVERIFIED = 77
FLIPS, PARTS = 10000, 20  # bits; tests that they are shared out to, each of which may take a minute
OURS = "org.ocirt.verify."


class Gate:
    """A signed bundle of a directory, hooks and a bind mount, and a system of its own with a policy."""

    def __init__(self, bundle):
        self.bundle, self.runtime, self.dir = bundle, bundle.runtime, bundle.dir
        bundle.own_rootfs().sh("echo started; cat /data/file")
        (self.dir / "data").mkdir()
        (self.dir / "data/file").write_text("data\n")
        bundle.bind("/data", "data", "bind", "ro")
        self.private, self.public = sealed.make_key(self.runtime.work)
        self.system = self.runtime.work / f"system.{bundle.id}"
        self.keys = self.system / "etc/ocirt/keys"
        self.accepted = self.system / "lib/ocirt/accepted"
        self.keys.mkdir(parents=True)
        (self.system / "lib").mkdir()
        # A lower layer each of /etc and what is ours; nothing of the host's own /etc/ocirt is seen.
        (self.system / "hidden/ocirt").mkdir(parents=True)
        self.wrap = ("unshare", "--mount", "--propagation", "private", "sh", "-ec",
                     f"mount -t overlay -o lowerdir={self.system}/etc:/etc none /etc; "
                     f'mount --bind {self.system}/lib /var/lib; exec "$@"', "sh")

    def hook(self, kind, name, text):
        path = self.dir / name
        path.write_text(text)
        path.chmod(0o755)
        self.bundle.hook(kind, path)
        return path

    def policy(self, text=None, **members):
        (self.system / "etc/ocirt/verify.json").write_text(text or json.dumps(members))

    def trust(self, public=None):
        shutil.copy(public or self.public, self.keys / "app.pem")

    def seal(self, *options, version=1):
        self.bundle.write()
        self.runtime.call("seal", "-b", self.dir, "--name", "app", "--version", version, "--key", self.private, *options,
                          root=False).ok()
        return self

    def verify(self, *options, **more):
        return self.runtime.call("verify", *options, self.dir, root=False, wrap=self.wrap, **more)

    def key_id(self):
        der = subprocess.run(["openssl", "pkey", "-pubin", "-in", self.public, "-outform", "DER"], capture_output=True, check=True)
        return sealed.sha256(der.stdout)

    def call(self, verb, *options, wrap=(), id_=None, **more):
        """Without writing the config anew, as Bundle.create() does."""
        more.setdefault("wrap", (*self.wrap, *wrap))
        return self.runtime.call(verb, "--bundle", self.dir, *options, id_ or self.bundle.id, **more)

    def runs(self, *options, out="started\ndata\n", **more):
        result = self.call("run", *options, **more).ok()
        assert result.out == out, result
        return result

    def refused(self, text, *options, **more):
        """One line, an exit code of its own, and nothing left."""
        for verb in ("create", "run"):
            result = self.call(verb, *options, **more).fails(code=UNVERIFIED)
            assert result.message == f"{self.runtime.name} {verb} failed: {text}", result
            assert self.runtime.state(self.bundle.id).code != 0 and not layout.directories(self.bundle.id)
            assert not self.runtime.root.exists() or not os.listdir(self.runtime.root)


@pytest.fixture
def gate(bundle):
    return Gate(bundle)


@pytest.fixture
def required(gate):
    gate.policy(policy="required")
    gate.trust()
    return gate


def flip(path, at=0):
    data = bytearray(Path(path).read_bytes())
    data[at] ^= 1
    Path(path).write_bytes(data)


# -- what is let in ----------------------------------------------------------------------------------------


def test_signed_bundle_starts_and_state_tells(required):
    g = required.seal(version=7)
    g.bundle.annotate(mine="kept")
    g.seal(version=7)
    g.call("create").ok()
    annotations = g.runtime.state(g.bundle.id).ok().json["annotations"]
    g.runtime.delete(g.bundle.id, force=True).ok()
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", g.public, "-outform", "DER"], capture_output=True, check=True)
    assert annotations == {
        "mine": "kept",
        OURS + "key": sealed.sha256(der.stdout),
        OURS + "manifest": sealed.sha256((g.dir / "seal.json").read_bytes()),
        OURS + "name": "app",
        OURS + "policy": "required",
        OURS + "strength": "writable: can change after the check",
        OURS + "version": "7",
    }
    g.runs()


def test_off_by_default(gate):
    gate.bundle.write()
    gate.runs()
    gate.runs("--verify=off")
    gate.policy(policy="off")
    gate.runs()


def test_key_alone_means_required(gate):
    gate.bundle.write()
    gate.refused("not sealed: open seal.json: no such file or directory", "--key", gate.public)
    gate.seal().runs("--key", gate.public)
    gate.runs("--key", os.path.relpath(gate.public, "/"))


def test_warn_starts_and_says_so(gate):
    gate.policy(policy="warn")
    gate.trust()
    gate.seal().runs()
    (gate.dir / "data/file").write_text("other\n")
    result = gate.runs(out="started\nother\n")
    assert result.warnings == ["not verified: data: not what was sealed"]
    gate.call("create").ok()
    assert OURS + "key" not in gate.runtime.state(gate.bundle.id).ok().json.get("annotations", {})
    gate.runtime.delete(gate.bundle.id, force=True).ok()


def test_annotations_cannot_be_made_up(gate):
    gate.bundle.annotate(**{OURS + "key": "x"}).refused(
        text=f'annotations: "{OURS}key" is for what we have verified')


# -- what is not -------------------------------------------------------------------------------------------


def test_each_thing_that_is_wrong(required):
    g = required
    hook = g.hook("prestart", "hook", "#!/bin/sh\n:\n")
    g.seal()
    g.runs()
    for path, text in [
        (g.dir / "config.json", "config.json: not what was sealed"),
        (g.dir / "rootfs/bin/probe", "rootfs: not what was sealed"),
        (hook, "hook: not what was sealed"),
        (g.dir / "data/file", "data: not what was sealed"),
        (g.dir / "seal.json", "seal.json.sig: not made by a key of /etc/ocirt/keys"),
        (g.dir / "seal.json.sig", "seal.json.sig: not made by a key of /etc/ocirt/keys"),
    ]:
        was = path.stat()
        flip(path)
        g.refused(text)
        flip(path)
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        g.runs()
    (g.dir / "seal.json.sig").rename(g.dir / "away")
    g.refused("not signed: open seal.json.sig: no such file or directory")
    (g.dir / "away").rename(g.dir / "seal.json.sig")
    (g.dir / "seal.json").unlink()
    g.refused("not sealed: open seal.json: no such file or directory")


def test_bundle_that_cannot_be_listed(required):
    g = required.seal()
    g.dir.chmod(0o711)
    g.runtime = g.runtime.by(1000)
    (g.dir / "seal.json.sig").unlink()
    g.call("create").fails("not signed: open seal.json.sig: no such file or directory", code=UNVERIFIED)


def test_keys(required):
    g = required.seal()
    other = g.runtime.work / "other"
    other.mkdir()
    _, public = sealed.make_key(other)
    g.trust(public)
    g.refused("seal.json.sig: not made by a key of /etc/ocirt/keys")
    g.refused("seal.json.sig: not made by this key", "--key", public)
    g.runs("--key", g.public)
    shutil.copy(g.public, g.keys / "second.pem")
    g.runs()
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", g.public, "-outform", "DER"], capture_output=True, check=True)
    key = sealed.sha256(der.stdout)
    g.policy(policy="required", revoked=["0" * 64, key])
    g.refused(f"/etc/ocirt/keys/second.pem: key {key} is revoked")
    g.refused(f"{g.public}: key {key} is revoked", "--key", g.public)
    elsewhere = g.system / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(g.public, elsewhere / "a.pem")
    g.policy(policy="required", keys=str(elsewhere))
    g.runs()
    (elsewhere / "a.pem").unlink()
    g.refused(f"no key *.pem in {elsewhere}")


def test_rollback(required):
    g = required.seal(version=5)
    g.runs()
    assert g.accepted.joinpath("app").read_text().split()[0] == "5"
    g.seal(version=4).refused("seal.json: version 4 of app, after version 5")
    g.seal(version=5).runs()
    g.seal(version=6)
    g.call("create", "--dry-run").ok()
    assert g.accepted.joinpath("app").read_text().split()[0] == "5", "a dry run accepts nothing"
    g.runs()
    assert sorted(os.listdir(g.accepted)) == ["app", "lock~"]
    g.accepted.joinpath("app").write_text("6\n")
    g.refused("/var/lib/ocirt/accepted/app: not a version and a time")
    elsewhere = g.system / "lib/elsewhere"
    g.policy(policy="required", accepted="/var/lib/elsewhere")
    g.runs()
    assert elsewhere.joinpath("app").read_text().split()[0] == "6"


def test_somebody_holds_the_lock(required):
    g = required.seal(version=5)
    g.accepted.mkdir(parents=True)
    with open(g.accepted / "lock~", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = g.call("run").fails("lock /var/lib/ocirt/accepted/lock~: ", code=UNVERIFIED)
        assert result.message == f"{g.runtime.name} run failed: lock /var/lib/ocirt/accepted/lock~: resource temporarily unavailable"
    g.runs()


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_two_versions_start_at_once(required):
    """The older one, whose check was before the newer one was accepted, is held up as it writes itself down."""
    g = required.seal(version=4)
    g.runs()
    old, new = g.dir, g.dir.parent / f"new.{g.bundle.id}"
    g.seal(version=5)
    subprocess.run(["cp", "-a", old, new], check=True)
    config = json.loads((new / "config.json").read_text())
    config["linux"]["cgroupsPath"] += "-new"  # they run at the same time once the first has written
    (new / "config.json").write_text(json.dumps(config))
    line = [*g.wrap, "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat", "-e",
            "inject=renameat:delay_enter=2000000:when=1", g.runtime.path, "--root", str(g.runtime.root), "run", "--bundle", str(old), g.bundle.id]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            until(lambda: any(name.endswith(".tmp") for name in os.listdir(g.accepted)), "it writes")
            g.dir = new
            g.runtime.call("seal", "-b", new, "--name", "app", "--version", 6, "--key", g.private, root=False).ok()
            assert g.call("run", id_=g.bundle.id + "-new").ok().out == "started\ndata\n"
            out, err = child.communicate(timeout=20)
        finally:
            child.kill()
    assert child.returncode == 0 and out == "started\ndata\n", (child.returncode, out, err)
    assert g.accepted.joinpath("app").read_text().split()[0] == "6"
    g.dir = old
    g.refused("seal.json: version 5 of app, after version 6")


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_newer_version_is_accepted_between_the_check_and_the_start(required):
    g = required.seal(version=4)
    g.accepted.mkdir(parents=True)
    line = [*g.wrap, "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", "inject=flock:delay_enter=1000000:when=1",
            g.runtime.path, "--root", str(g.runtime.root), "run", "--bundle", str(g.dir), g.bundle.id]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            until(lambda: "lock~" in os.listdir(g.accepted), "it is checked")
            (g.accepted / "app").write_text("5 0\n")
            out, err = child.communicate(timeout=20)
        finally:
            child.kill()
    assert (child.returncode, out) == (UNVERIFIED, "") and "seal.json: version 4 of app, after version 5" in err, err
    assert not os.listdir(g.runtime.root)


def test_versions_that_are_not_mounted_yet_are_not_none(required):
    g = required.seal(version=5)
    g.accepted.parent.mkdir()
    g.accepted.symlink_to("/nowhere/accepted")
    g.refused("open /var/lib/ocirt/accepted/app: no such file or directory")
    g.accepted.unlink()
    g.accepted.mkdir()
    (g.accepted / "app").symlink_to("/nowhere/app")
    g.refused("open /var/lib/ocirt/accepted/app: no such file or directory")


def test_version_that_cannot_be_written_down(required):
    g = required.seal()
    full = ("sh", "-ec", "mount -t tmpfs -o nr_inodes=4 none /var/lib; mkdir -p /var/lib/ocirt/accepted; exec \"$@\"", "sh")
    g.refused("/var/lib/ocirt/accepted: create app: no space left on device", wrap=full)
    g.policy(policy="warn")
    assert g.runs(wrap=full).warnings == ["/var/lib/ocirt/accepted: create app: no space left on device"]


def test_not_before_is_compared_with_what_is_known(required):
    g = required
    late = int(time.time()) + 100000
    g.seal("--not-before", late)
    g.call("run").fails(f"seal.json: notBefore: {late} (", code=UNVERIFIED)
    g.accepted.mkdir(parents=True)
    (g.accepted / "app").write_text(f"1 {late}\n")
    g.runs()


def test_config_that_cannot_be_read(required):
    g = required.seal()
    (g.dir / "config.json").unlink()
    g.refused("JSON specification file config.json not found")
    os.mkfifo(g.dir / "config.json")
    g.refused("config.json: not a regular file")


def test_bundle_is_copied_and_the_mount_comes_from_where_it_was(required):
    """An absolute source lies outside of a copy of the bundle: it is compared with what was signed there, too."""
    g = required
    next(m for m in g.bundle.config["mounts"] if m["destination"] == "/data")["source"] = str(g.dir / "data")
    g.seal().runs()
    was, g.dir = g.dir, g.dir.parent / f"copy.{g.bundle.id}"
    subprocess.run(["cp", "-a", was, g.dir], check=True)
    g.runs()
    (was / "data/file").write_text("other\n")
    g.refused(f"{was}/data: not what was sealed")


def test_verify_knows_the_policy(required):
    g = required.seal(version=5)
    g.verify().ok()
    g.runs()
    g.seal(version=4)
    for options in ([], ["--key", g.public], ["--keys", g.public.parent]):
        result = g.verify(*options).fails(code=UNVERIFIED)
        assert result.message == "seal.json: version 4 of app, after version 5"
    g.seal(version=5)
    g.policy(policy="off", revoked=[g.key_id()])
    assert g.verify().fails(code=UNVERIFIED).message == f"/etc/ocirt/keys/app.pem: key {g.key_id()} is revoked"
    assert g.verify("--key", g.public).fails(code=UNVERIFIED).message == f"{g.public}: key {g.key_id()} is revoked"
    g.policy(policy="off", keys="/etc/ocirt/none")
    assert g.verify().fails(code=UNVERIFIED).message == "open /etc/ocirt/none: no such file or directory"
    g.verify("--key", g.public).ok()
    g.policy("{}")
    assert g.verify().fails(code=UNVERIFIED).message == "/etc/ocirt/verify.json: policy: missing"


def test_one_key_or_a_directory(required):
    g = required.seal()
    assert g.verify("--key", g.public, "--keys", g.keys).fails(code=UNVERIFIED).message == "--key and --keys: one of them"


def test_key_is_revoked_before_the_start(required):
    g = required
    g.bundle.sh("sleep 60")
    g.seal()
    g.call("create").ok()
    g.policy(policy="required", revoked=[g.key_id()])
    result = g.runtime.call("start", g.bundle.id, wrap=g.wrap).fails(code=UNVERIFIED)
    assert result.message.endswith(f"{g.dir}: key {g.key_id()} is revoked"), result
    assert g.runtime.state(g.bundle.id).ok().json["status"] == "created"
    g.policy(policy="required")
    g.runtime.call("start", g.bundle.id, wrap=g.wrap).ok()
    g.runtime.delete(g.bundle.id, force=True).ok()
    g.call("create", "--verify=warn").ok()
    g.policy(policy="required", revoked=[g.key_id()])
    result = g.runtime.call("start", g.bundle.id, wrap=g.wrap).ok()
    assert result.warnings == [f"not verified: {g.dir}: key {g.key_id()} is revoked"], result
    g.runtime.delete(g.bundle.id, force=True).ok()


# -- who may write to it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("owner, mode", [((1000, 0), 0), ((0, 1000), 0o020), ((0, 0), 0o002)])
@pytest.mark.parametrize("what", ["", "verify.json", "keys"])
def test_policy_that_others_can_write_to(required, what, owner, mode):
    g = required.seal()
    path = g.system / "etc/ocirt" / what
    mode |= path.stat().st_mode & 0o755
    path.chmod(mode)
    os.chown(path, *owner)
    said = str(Path("/etc/ocirt") / what)
    said += f": others than root can write to it: owner {owner[0]}:{owner[1]}, mode {mode:o}"
    g.refused(said)
    assert g.verify().fails(code=UNVERIFIED).message == said
    os.chown(path, 0, 0)
    path.chmod(mode & 0o755)
    g.runs()


def test_key_that_others_can_write_to(required):
    g = required.seal()
    os.chown(g.keys / "app.pem", 1000, 0)
    g.refused("seal.json.sig: not made by a key of /etc/ocirt/keys")
    g.policy(policy="warn")
    assert g.runs().warnings == ["/etc/ocirt/keys: ignored: app.pem: others than root can write to it: owner 1000:0, mode 644",
                                 "not verified: seal.json.sig: not made by a key of /etc/ocirt/keys"]
    g.policy(policy="required")
    (g.keys / "app.pem").chmod(0o664)
    os.chown(g.keys / "app.pem", 0, 0)  # root's group
    g.runs()


@pytest.mark.parametrize("what", ["", "app"])
def test_versions_that_others_can_write_to(required, what):
    g = required.seal()
    g.runs()
    (g.accepted / what).chmod(0o757)
    said = str(Path("/var/lib/ocirt/accepted") / what)
    g.refused(f"{said}: others than root can write to it: owner 0:0, mode 757")


# -- the policy --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, error", [
    ("", "/etc/ocirt/verify.json"),
    ("{}", "/etc/ocirt/verify.json: policy: missing"),
    ('{"policy": "maybe"}', '/etc/ocirt/verify.json: policy: "maybe" is not a policy'),
    ('{"policy": "off", "polici": "required"}', "/etc/ocirt/verify.json"),
    ('{"policy": "off", "policy": "off"}', "/etc/ocirt/verify.json"),
    ('{"policy": "off", "keys": "k"}', '/etc/ocirt/verify.json: keys: "k" is not absolute'),
    ('{"policy": "off", "accepted": "k"}', '/etc/ocirt/verify.json: accepted: "k" is not absolute'),
    ('{"policy": "off", "revoked": ["0"]}', "/etc/ocirt/verify.json: revoked[0]: not 64 hexadecimal digits in lower case"),
])
def test_a_policy_that_is_none_lets_nothing_in(gate, text, error):
    gate.bundle.write()
    gate.policy(text or " ")
    result = gate.call("create").fails(error, code=UNVERIFIED)
    assert result.message.startswith(f"{gate.runtime.name} create failed: /etc/ocirt/verify.json: "), result


def test_option_that_is_none(gate):
    gate.bundle.write()
    gate.call("create", "--verify=maybe").fails('--verify: "maybe" is not a policy')


@pytest.mark.parametrize("verb", ["create", "run"])
def test_key_of_no_name(gate, verb):
    """As of a script whose variable is empty: nothing must start."""
    gate.bundle.write()
    result = gate.call(verb, "--key", "").fails(code=1)
    assert result.message == f"{gate.runtime.name} {verb} failed: --key: no file is named"


def test_root_may_weaken(required):
    required.bundle.write()
    required.refused("not sealed: open seal.json: no such file or directory")
    required.runs("--verify=off")


def test_a_caller_without_privilege_cannot_weaken(required):
    g = required
    g.seal()
    g.runtime = g.runtime.by(1000)
    for option in ("off", "warn"):
        g.call("create", f"--verify={option}").fails(f'--verify: weaker than "required" of /etc/ocirt/verify.json', code=UNVERIFIED)
    g.call("create", "--key", g.public).fails("--key: /etc/ocirt/verify.json says whose keys count", code=UNVERIFIED)
    g.policy(policy="warn")
    g.call("create", "--verify=off").fails('--verify: weaker than "warn" of /etc/ocirt/verify.json', code=UNVERIFIED)
    (g.dir / "seal.json").unlink()
    g.call("create", "--verify=required", "--dry-run").fails("not sealed: ", code=UNVERIFIED)
    g.policy(policy="off")
    g.call("create", "--key", g.public, "--dry-run").fails("not sealed: ", code=UNVERIFIED)


@pytest.mark.parametrize("place", ["verify.json", "."])
def test_a_policy_that_is_not_mounted_yet_lets_nothing_in(gate, place):
    """The file, or the whole directory, is a link to elsewhere."""
    gate.bundle.write()
    link = gate.system / "etc/ocirt" / place
    if place == ".":
        shutil.rmtree(link)
    os.symlink(gate.system / "not-mounted", link)
    gate.refused("open /etc/ocirt/verify.json: no such file or directory")


# -- between the check and the use ---------------------------------------------------------------------------


def test_hooks_are_executed_from_what_was_compared(required):
    """The first hook puts another program in the place of the others."""
    g = required
    log = g.dir.parent / f"log.{g.bundle.id}"
    script = (f"#!/bin/sh\nfor h in b c; do printf '#!/bin/sh\\necho evil >>{log}\\n' >{g.dir}/new; "
              f"chmod 755 {g.dir}/new; mv {g.dir}/new {g.dir}/$h; done\n")
    g.hook("prestart", "a", script)
    g.hook("createRuntime", "b", f"#!/bin/sh\necho b >>{log}\n")
    g.hook("createContainer", "c", f"#!/bin/sh\necho c >>{log}\n")
    g.seal().runs()
    assert log.read_text() == "b\nc\n"


def test_binary_hook_gets_no_descriptor_but_its_own(required):
    g = required
    shutil.copy(shutil.which("busybox"), g.dir / "hook")
    seen = g.dir.parent / f"seen.{g.bundle.id}"
    script = f"for f in /proc/$$/fd/*; do readlink $f; done >{seen}; :"
    g.bundle.hook("prestart", g.dir / "hook", args=["sh", "-c", script])
    g.seal().runs()
    lines = seen.read_text().split("\n")
    assert str(g.dir / "hook") in lines
    assert all(line.startswith("pipe:") or line in ("", str(seen), str(g.dir / "hook")) for line in lines), lines


def test_hooks_of_start_and_delete_are_compared_again(required):
    g = required
    log = g.dir.parent / f"log.{g.bundle.id}"
    start = g.hook("poststart", "start", f"#!/bin/sh\necho start >>{log}\n")
    stop = g.hook("poststop", "stop", f"#!/bin/sh\necho stop >>{log}\n")
    g.bundle.sh("sleep 60")
    g.seal()
    g.call("create").ok()
    g.runtime.start(g.bundle.id).ok()
    g.runtime.delete(g.bundle.id, force=True).ok()
    assert log.read_text() == "start\nstop\n"
    g.call("create").ok()
    flip(stop, 20)
    g.runtime.start(g.bundle.id).ok()
    result = g.runtime.delete(g.bundle.id, force=True).ok()
    assert result.warnings == ["poststop hooks are left out: stop: not what was sealed"], result
    assert log.read_text() == "start\nstop\nstart\n"
    flip(stop, 20)
    g.call("create").ok()
    flip(start, 20)
    g.runtime.start(g.bundle.id).fails("start: not what was sealed", code=UNVERIFIED)
    flip(start, 20)
    g.runtime.delete(g.bundle.id, force=True)
    g.call("create").ok()
    flip(g.dir / "seal.json", 3)
    g.runtime.start(g.bundle.id).fails("seal.json: not what it was when the container was created", code=UNVERIFIED)
    g.runtime.delete(g.bundle.id, force=True).ok()


def test_hooks_after_a_run_in_the_foreground_are_compared_with_what_was_signed(required):
    """The container's own hook puts others, and a manifest that names them, in place of what was signed."""
    g = required
    log = g.dir.parent / f"log.{g.bundle.id}"
    stop = g.hook("poststop", "stop", f"#!/bin/sh\necho good >>{log}\n")
    g.seal()
    g.runs()
    assert log.read_text() == "good\n"
    evil = f"#!/bin/sh\necho evil >>{log}\n"
    swap = (f"#!/bin/sh\ncat {g.dir}/other >{g.dir}/stop; cat {g.dir}/forged >{g.dir}/seal.json\n")
    g.hook("poststart", "start", swap)
    g.seal()
    (g.dir / "other").write_text(evil)
    m = json.loads((g.dir / "seal.json").read_text())
    for o in m["files"]:
        if o["path"] == "stop":
            o["sha256"], o["size"] = sealed.sha256(evil.encode()), len(evil)
            o.pop("fsVerity", None)
    (g.dir / "forged").write_text(json.dumps(m))
    result = g.runs()
    assert result.warnings == ["poststop hooks are left out: seal.json: not what it was when the container was created"], result
    assert log.read_text() == "good\n"


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
@pytest.mark.parametrize("what", ["data", "rootfs"])
def test_directory_is_exchanged_after_the_check(required, what):
    """The clone waits, when everything was compared: the state folder is there."""
    g = required.seal()
    line = [*g.wrap, "strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=clone,clone3:delay_enter=3000000:when=1",
            g.runtime.path, "--root", str(g.runtime.root), "run", "--bundle", str(g.dir), g.bundle.id]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            until(lambda: (g.runtime.root / g.bundle.id).exists(), "everything is compared")
            (g.dir / what).rename(g.dir / "away")
            shutil.copytree(g.dir / "away", g.dir / what, symlinks=True)
            out, err = child.communicate(timeout=20)
        finally:
            child.kill()
    assert child.returncode == UNVERIFIED and out == "", (child.returncode, out, err)
    source = f'error mounting \\"{g.dir}/data\\" to rootfs at \\"/data\\"' if what == "data" else f"{g.dir}/rootfs"
    assert f"error during container init: {source}: exchanged after it was verified" in err, err


# -- ten thousand bits ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_flipped_bits(gate, capsys, part):
    """create, not verify: nothing is made.  Of every fiftieth the system calls are looked at."""
    g = gate
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    g.bundle.set("root", {"path": "image", "readonly": True}).set("mounts", [])
    g.hook("prestart", "hook", "#!/bin/sh\nexit 0\n" + "# nothing\n" * 50)
    (g.dir / "image").write_bytes(squash(g))
    g.seal()
    calls = g.runtime.work / "calls"
    line = [g.runtime.path, "--root", str(g.runtime.root), "create", "--bundle", str(g.dir), "--key", str(g.public), g.bundle.id]
    watched = ["strace", "-f", "-qq", "-o", str(calls), "-e", "trace=clone,clone3,fork,vfork,unshare,setns,mkdirat,mkdir", *line]
    names = ["config.json", "image", "hook", "seal.json", "seal.json.sig"]
    files = {name: os.open(g.dir / name, os.O_RDWR) for name in names}
    sizes = {name: os.fstat(fd).st_size for name, fd in files.items()}
    null = os.open("/dev/null", os.O_RDWR)
    refused = dict.fromkeys(names, 0)
    quiet = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    clones = 0
    for i in range(FLIPS // PARTS):
        name = dice.choice(names)
        at, bit = dice.randrange(sizes[name]), 1 << dice.randrange(8)
        was = os.pread(files[name], 1, at)
        os.pwrite(files[name], bytes([was[0] ^ bit]), at)
        words = watched if i % 50 == 0 else line
        pid = os.posix_spawn(shutil.which(words[0]), words, os.environ, file_actions=quiet)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.pwrite(files[name], was, at)
        assert code == UNVERIFIED, f"seed {seed}: byte {at} of {name}, bit {bit}: exit {code}"
        refused[name] += 1
        if words is watched:
            clones += len(re.findall(r"^\d+ +(?:clone|clone3|fork|vfork|unshare|setns|mkdir|mkdirat)\(", calls.read_text(), re.M))
    for fd in (*files.values(), null):
        os.close(fd)
    assert not g.runtime.root.exists() and not layout.directories(g.bundle.id)
    assert clones == 0
    with capsys.disabled():
        print(f"\n{sum(refused.values())} of {FLIPS // PARTS} flipped bits refused ({refused}); of those watched {clones} made a "
              f"namespace, a process or a directory; part {part + 1} of {PARTS}")


def squash(g):
    """A small image; where there is no mksquashfs, bytes that look like one: they are compared, not mounted."""
    tree, path = g.dir / "tree", g.runtime.work / "small.squashfs"
    tree.mkdir()
    (tree / "file").write_bytes(os.urandom(9000))
    if shutil.which("mksquashfs"):
        subprocess.run(["mksquashfs", tree, path, "-quiet", "-no-progress"], check=True, stdout=subprocess.DEVNULL)
        return path.read_bytes()
    return b"hsqs" + os.urandom(9000)


# -- a root that is a file -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", images.TYPES)
def test_signed_image(required, kind):
    """What was compared is what is mounted; a bit of it that is not as it was signed does not start."""
    g = required
    shutil.copy(images.image_of(kind), g.dir / "root.image")
    g.bundle.set("root.path", "root.image").annotate(**{"org.ocirt.root.overlay": "tmpfs"})
    g.seal()
    g.runs()
    flip(g.dir / "root.image", 70000)
    g.call("run").fails(code=UNVERIFIED)
    images.all_free("root.image")


def test_signed_directory_below_an_overlay(required):
    required.bundle.annotate(**{"org.ocirt.root.overlay": "tmpfs"}).sh("echo started; echo x > /x; cat /data/file")
    required.seal()
    required.runs()
    required.runs()
