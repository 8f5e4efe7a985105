"""What engines and their plugins put into a config: CNI plugins driven by a createRuntime hook, edits as CDI makes them.

There is no engine here: the bundle is the runtime's own `spec`, edited.
"""

import json
import os

import pytest

from place import engine, not_possible

CONFIG = {"cniVersion": "0.4.0", "name": "hooked", "type": "ptp", "ipMasq": False,
          "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/24"}]]}}
HOOK = """#!/bin/sh
# $1: ADD or DEL.  The state comes on stdin; it is kept, to be looked at.
set -e
state=$(cat)
echo "$state" >{work}/state-$1
pid=$(echo "$state" | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')
id=$(echo "$state" | sed -n 's/.*"id": *"\\([^"]*\\)".*/\\1/p')
netns=/proc/$pid/ns/net
[ "$1" = ADD ] || netns=
CNI_COMMAND=$1 CNI_CONTAINERID=$id CNI_NETNS=$netns CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
	/usr/lib/cni/ptp <{work}/config.json >{work}/result-$1
"""


class Bundle:
    """A bundle and the calls of the runtime under test."""

    def __init__(self, place):
        self.place = place
        self.work = place.work / "hooks"
        self.number = 0
        self.seen = []
        (self.work / "rootfs").mkdir(parents=True)
        place.call(["tar", "-C", self.work / "rootfs", "-xf", place.rootfs_tar])

    def fresh(self):
        """(directory, its config without a terminal)"""
        self.number += 1
        bundle = self.work / f"b{self.number}"
        bundle.mkdir()
        self.place.call(["sh", "-c", f"cd {bundle} && exec {self.place.runtime} spec"])
        config = json.loads((bundle / "config.json").read_text())
        config["process"]["terminal"] = False
        config["root"] = {"path": str(self.work / "rootfs"), "readonly": True}
        config["linux"]["cgroupsPath"] = f"/ohooks{self.number}"
        return bundle, config

    def run(self, bundle, config, *program):
        name = f"ohooks{self.number}"
        self.seen.append(name)
        config["process"]["args"] = list(program)
        (bundle / "config.json").write_text(json.dumps(config))
        return self.place.run([self.place.runtime, "run", "-b", bundle, name])

    def end(self):
        pass


@pytest.fixture(scope="session")
def bundles(place):
    with engine("bundles", lambda: Bundle(place)) as it:
        yield it


def cni(bundles):
    """(directory, config) with a network that hooks make and take away."""
    if not os.path.exists("/usr/lib/cni/ptp"):
        not_possible("containernetworking-plugins is not installed")
    bundle, config = bundles.fresh()
    work = bundle / "cni"
    work.mkdir()
    (work / "config.json").write_text(json.dumps({**CONFIG, "ipam": {**CONFIG["ipam"], "dataDir": str(work / "data")}}))
    hook = work / "hook"
    hook.write_text(HOOK.replace("{work}", str(work)))
    hook.chmod(0o755)
    config["hooks"] = {"createRuntime": [{"path": str(hook), "args": ["hook", "ADD"]}],
                       "poststop": [{"path": str(hook), "args": ["hook", "DEL"]}]}
    return bundle, config, work


def test_network_by_a_create_runtime_hook(bundles):
    bundle, config, work = cni(bundles)
    done = bundles.run(bundle, config, "/bin/sh", "-c", "ip -4 addr show eth0 | grep -o 'inet [0-9.]*'; ip route | head -1; "
                       "cat /sys/class/net/lo/operstate")
    assert done.returncode == 0, done.stderr
    address, route = done.stdout.splitlines()[:2]
    result = json.loads((work / "result-ADD").read_text())
    assert address == "inet " + result["ips"][0]["address"].split("/")[0]
    assert route.startswith("10.98.0.0/24") or route.startswith("default")
    state = json.loads((work / "state-ADD").read_text())
    assert state["status"] in ("creating", "created") and state["bundle"] == str(bundle)
    assert json.loads((work / "state-DEL").read_text())["status"] == "stopped"
    assert not [name for name in os.listdir(work / "data/hooked") if name.startswith("10.")], "the address is given back"


def test_traffic_to_the_host(bundles):
    bundle, config, _ = cni(bundles)
    for kind in ("bounding", "effective", "permitted"):
        config["process"]["capabilities"][kind].append("CAP_NET_RAW")
    done = bundles.run(bundle, config, "/bin/ping", "-c", "1", "-w", "5", "10.98.0.1")
    assert done.returncode == 0 and "1 packets received" in done.stdout, done.stdout + done.stderr


def test_network_that_cannot_be_made(bundles):
    bundle, config, work = cni(bundles)
    (work / "config.json").write_text('{"cniVersion": "0.4.0", "name": "hooked", "type": "ptp"}')
    done = bundles.run(bundle, config, "/bin/true")
    assert done.returncode == 1 and "hook" in done.stderr, done.stderr
    assert bundles.place.run([bundles.place.runtime, "state", bundles.seen[-1]]).returncode != 0


def test_edits_of_a_container_device_interface(bundles):
    """containerEdits of a CDI specification, as an engine writes them into the config."""
    bundle, config = bundles.fresh()
    library = bundle / "libvendor.so"
    library.write_text("vendor\n")
    hook = bundle / "hook"
    hook.write_text(f"#!/bin/sh\nset -e\ncat >/dev/null\necho \"$1 $FOO\" >>{bundle}/hooked\n")
    hook.chmod(0o755)
    config["process"]["env"].append("VENDOR_VISIBLE_DEVICES=all")
    config["linux"]["devices"] = [{"path": "/dev/vendor0", "type": "c", "major": 1, "minor": 5, "fileMode": 0o660, "uid": 0, "gid": 0}]
    config["linux"].setdefault("resources", {}).setdefault("devices", []).append(
        {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"})
    config["mounts"].append({"destination": "/usr/lib/vendor/libvendor.so", "source": str(library), "type": "bind",
                             "options": ["ro", "nosuid", "nodev", "bind"]})
    config["root"]["readonly"] = False
    config["hooks"] = {"createRuntime": [{"path": str(hook), "args": ["hook", "runtime"], "env": ["FOO=bar", "PATH=/bin:/usr/bin"]}],
                       "createContainer": [{"path": str(hook), "args": ["hook", "container"], "env": ["FOO=baz", "PATH=/bin:/usr/bin"]}]}
    done = bundles.run(bundle, config, "/bin/sh", "-c", "echo $VENDOR_VISIBLE_DEVICES; head -c 3 /dev/vendor0 | wc -c; "
                       "stat -c %a /dev/vendor0; cat /usr/lib/vendor/libvendor.so")
    assert (done.returncode, done.stdout.split()) == (0, ["all", "3", "660", "vendor"]), done.stderr
    assert (bundle / "hooked").read_text() == "runtime bar\ncontainer baz\n"


def test_zz_nothing_is_left(bundles):
    assert bundles.place.leaks(bundles.seen) == []
