"""What engines and their plugins put into a config: CNI plugins driven by a createRuntime hook, edits as CDI makes them.

There is no engine here: the bundle is the runtime's own `spec`, edited.
"""

import json
import os
import socket
import subprocess

import pytest

from place import engine, eventually, not_possible

CONFIG = {"cniVersion": "0.4.0", "name": "hooked", "type": "ptp", "ipMasq": False,
          "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/24"}]]}}
BRIDGE = {"cniVersion": "0.4.0", "name": "bridged", "type": "bridge", "bridge": "ohooks0", "isGateway": True, "ipMasq": False,
          "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.97.0.0/24"}]]}}
LOOPBACK = {"cniVersion": "0.4.0", "name": "lo", "type": "loopback"}
HOOK = """#!/bin/sh
# $1: ADD or DEL; the others: INTERFACE=PLUGIN, in order.  The state comes on stdin; it is kept, to be looked at.
set -e
command=$1
shift
state=$(cat)
echo "$state" >{work}/state-$command
pid=$(echo "$state" | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')
id=$(echo "$state" | sed -n 's/.*"id": *"\\([^"]*\\)".*/\\1/p')
netns=/proc/$pid/ns/net
[ "$command" = ADD ] || netns=
for one; do
	CNI_COMMAND=$command CNI_CONTAINERID=$id CNI_NETNS=$netns CNI_IFNAME=${one%=*} CNI_PATH=/usr/lib/cni PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
		/usr/lib/cni/${one#*=} <{work}/${one#*=}.json >{work}/result-${one#*=}-$command
done
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

    def write(self, bundle, config, program):
        """The name of a container that is still to be made."""
        name = bundle.name.replace("b", "ohooks")
        self.seen.append(name)
        config["process"]["args"] = list(program)
        (bundle / "config.json").write_text(json.dumps(config))
        return name

    def run(self, bundle, config, *program):
        name = self.write(bundle, config, program)
        return self.place.run([self.place.runtime, "run", "-b", bundle, name])

    def start(self, bundle, config, *program):
        name = self.write(bundle, config, program)
        for words in (("create", "-b", bundle, name), ("start", name)):  # the program keeps our stdout: it may not be a pipe
            done = self.place.start([self.place.runtime, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            assert done.wait(60) == 0, words
        return name

    def end(self):
        pass


@pytest.fixture(scope="session")
def bundles(place):
    with engine("bundles", lambda: Bundle(place)) as it:
        yield it


def cni(bundles, plugins=(("eth0", CONFIG),), data=None):
    """(directory, config) with a network that hooks make and take away; the plugins are called in order, then in reverse."""
    if not os.path.exists("/usr/lib/cni/ptp"):
        not_possible("containernetworking-plugins is not installed")
    bundle, config = bundles.fresh()
    work = bundle / "cni"
    work.mkdir()
    for _, network in plugins:
        ipam = {"ipam": {**network["ipam"], "dataDir": str(data or work / "data")}} if "ipam" in network else {}
        (work / f"{network['type']}.json").write_text(json.dumps({**network, **ipam}))
    words = [f"{interface}={network['type']}" for interface, network in plugins]
    hook = work / "hook"
    hook.write_text(HOOK.replace("{work}", str(work)))
    hook.chmod(0o755)
    config["hooks"] = {"createRuntime": [{"path": str(hook), "args": ["hook", "ADD", *words]}],
                       "poststop": [{"path": str(hook), "args": ["hook", "DEL", *reversed(words)]}]}
    return bundle, config, work


def test_network_by_a_create_runtime_hook(bundles):
    bundle, config, work = cni(bundles)
    done = bundles.run(bundle, config, "/bin/sh", "-c", "ip -4 addr show eth0 | grep -o 'inet [0-9.]*'; ip route | head -1; "
                       "cat /sys/class/net/lo/operstate")
    assert done.returncode == 0, done.stderr
    address, route = done.stdout.splitlines()[:2]
    result = json.loads((work / "result-ptp-ADD").read_text())
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
    (work / "ptp.json").write_text('{"cniVersion": "0.4.0", "name": "hooked", "type": "ptp"}')
    done = bundles.run(bundle, config, "/bin/true")
    assert done.returncode == 1 and "hook" in done.stderr, done.stderr
    assert bundles.place.run([bundles.place.runtime, "state", bundles.seen[-1]]).returncode != 0


def addresses_given(data):
    return [name for name in os.listdir(data / "bridged") if name.startswith("10.")]


def interfaces():
    return {name for _, name in socket.if_nameindex()}


def test_two_containers_on_a_bridge(bundles):
    """bridge with host-local and loopback: they reach each other, and nothing but the bridge is left."""
    data, before = bundles.work / "ipam", interfaces()
    plugins = (("lo", LOOPBACK), ("eth0", BRIDGE))
    bundle, config, work = cni(bundles, plugins, data)
    server = bundles.start(bundle, config, "/bin/sh", "-c", "while :; do echo from the first | nc -l -p 7000; done")
    first = json.loads((work / "result-bridge-ADD").read_text())["ips"][0]["address"].split("/")[0]
    bundle, config, work = cni(bundles, plugins, data)
    for kind in ("bounding", "effective", "permitted"):
        config["process"]["capabilities"][kind].append("CAP_NET_RAW")
    done = bundles.run(bundle, config, "/bin/sh", "-c",
                       f"ping -c 1 -w 5 {first} | grep -c '1 packets received'; ping -c 1 -w 5 10.97.0.1 | grep -c '1 packets received'; "
                       f"n=0; until nc -w 5 {first} 7000 </dev/null || [ $n = 20 ]; do n=$((n+1)); sleep 0.1; done; "
                       "ping -c 1 -w 5 127.0.0.1 | grep -c '1 packets received'")
    assert (done.returncode, done.stdout) == (0, "1\n1\nfrom the first\n1\n"), done.stderr
    assert addresses_given(data) == [first]
    bundles.place.call([bundles.place.runtime, "kill", server, "KILL"])
    eventually(lambda: json.loads(bundles.place.call([bundles.place.runtime, "state", server]))["status"] == "stopped")
    bundles.place.call([bundles.place.runtime, "delete", server])
    assert addresses_given(data) == []
    eventually(lambda: interfaces() - before == {"ohooks0"})
    bundles.place.call(["busybox", "ip", "link", "delete", "ohooks0"])


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
