"""Bundles that other programs made run unchanged: umoci (engines.md 7.5, 7.6), the forms that engines send."""

import json
import os
import shutil
import subprocess

import pytest

from harness import Container
from harness.bundle import DENY_ALL


@pytest.fixture
def umoci(bundle):
    """The bundle directory of an image made from the tests' root filesystem."""
    if not shutil.which("umoci"):
        pytest.skip("no umoci here")
    work = bundle.runtime.work
    tar, image = work / "rootfs.tar", f"{work}/oci:bb"
    subprocess.run(["tar", "-C", bundle.rootfs, "-cf", tar, "."], check=True)
    for words in (["init", "--layout", f"{work}/oci"], ["new", "--image", image], ["raw", "add-layer", "--image", image, tar],
                  ["config", "--image", image, "--config.cmd", "/bin/probe", "--config.env", "PATH=/bin", "--config.env", "X=y z",
                   "--config.workingdir", "/tmp", "--architecture", "amd64", "--os", "linux"],
                  ["unpack", "--image", image, work / "umoci"]):
        subprocess.run(["umoci", *map(str, words)], check=True, capture_output=True)
    (work / "umoci").chmod(0o755)
    return work / "umoci"


def test_umoci_bundle_runs_unchanged(bundle, umoci):
    """Its config asks for a terminal: hence on a pty, in the foreground, as a person would."""
    config = json.loads((umoci / "config.json").read_text())
    assert config["process"]["terminal"] is True
    rt = bundle.runtime
    out = subprocess.run(["script", "-qec", f"{rt.path} --root {rt.root} run -b {umoci} {bundle.id}", "/dev/null"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert out.returncode == 0, out
    text = out.stdout.replace("\r\n", "\n").replace("^@", "")  # what script(1) types at the end of its stdin is echoed
    report = json.JSONDecoder().raw_decode(text[text.index("{"):])[0]
    assert report["tty"] == [1, 1, 1]
    assert report["cwd"] == "/tmp" and "X=y z" in report["env"]


def test_umoci_bundle_detached(bundle, umoci):
    config = json.loads((umoci / "config.json").read_text())
    config["process"]["terminal"] = False
    (umoci / "config.json").write_text(json.dumps(config))
    rt = bundle.runtime
    out = rt.call("run", "-b", umoci, bundle.id).ok()
    assert out.json["cwd"] == "/tmp"


def docker(bundle):
    """What dockerd sends (engines.md 6.2, 6.3)."""
    caps = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
            "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"]
    bundle.own_rootfs().set("ociVersion", "1.0.2-dev").set("process.user", {"uid": 0, "gid": 0, "additionalGids": [0]})
    bundle.set("process.capabilities", {"bounding": caps, "effective": caps, "permitted": caps}).set("process.oomScoreAdj", 0)
    bundle.set("process.apparmorProfile", "").set("hostname", "abcdef012345").set("hooks", {})
    bundle.namespace("network").set("linux.cgroupsPath", f"/{bundle.id}")
    bundle.set("linux.sysctl", {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"})
    node = lambda allow, kind, major, minor: {"allow": allow, "type": kind, "major": major, "minor": minor, "access": "rwm"}
    bundle.set("linux.resources", {
        "devices": [DENY_ALL, node(True, "c", 1, 5), node(True, "c", 1, 3), node(True, "c", 1, 9), node(True, "c", 1, 8),
                    node(True, "c", 5, 0), node(True, "c", 5, 1), node(False, "c", 10, 229)],
        "memory": {}, "cpu": {"shares": 0}, "blockIO": {"weight": 0}})
    bundle.config["mounts"] = [
        {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid", "noexec", "nodev"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777",
                                                                               "size=67108864"]}]
    for name in ("resolv.conf", "hosts", "hostname"):
        (bundle.dir / name).write_text(f"{name}\n")
        bundle.bind(f"/etc/{name}", bundle.dir / name, "rbind", "rprivate")
    return bundle


def test_docker_config(bundle):
    report = docker(bundle).report()
    assert report["hostname"] == "abcdef012345" and report["groups"] == [0]
    assert report.mount_at("/etc/hosts")["root"].endswith("/hosts")
    assert bundle.output("cat /etc/resolv.conf /proc/sys/net/ipv4/ip_unprivileged_port_start") == "resolv.conf\n0"


def test_docker_prestart_hook(bundle):
    """libnetwork-setkey: a path below the host's /proc, the state on stdin, all namespaces there (engines.md 5.8)."""
    out = bundle.host_dir("hook")
    link = f"/proc/{os.getpid()}/exe"
    script = ("import json,os,sys; s=json.load(sys.stdin); "
              f"open('{out}/net','w').write(str(os.stat('/proc/%d/ns/net' % s['pid']).st_ino))")
    docker(bundle).set("hooks", {"prestart": [{"path": link, "args": ["libnetwork-setkey", "-S", "-c", script]}]})
    with Container(bundle.args("sleep", "100")) as c:
        c.create()
        assert int((out / "net").read_text()) == c.namespace("net")


def test_podman_words_on_a_tmpfs(bundle):
    bundle.tmpfs("/opt", "size=1m", "noexec", "rw", "rprivate", "nosuid", "nodev")
    seen = bundle.report().mount_at("/opt")
    assert {"nosuid", "nodev", "noexec"} <= set(seen["options"]) and "size=1024k" in seen["super"]


def test_empty_objects_of_engines(bundle):
    bundle.set("process.capabilities", {}).set("hooks", {}).set("linux.resources", {"blockIO": {}, "devices": []})
    bundle.args("/bin/true").run().ok()
