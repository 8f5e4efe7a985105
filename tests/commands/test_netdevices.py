"""Network devices that are moved into the container (ND-1 to ND-5).  Needs `ip` of iproute2."""

import itertools
import json
import os
import shutil
import subprocess

import pytest

from harness import Container
from harness.container import until

pytestmark = pytest.mark.skipif(not shutil.which("ip"), reason="ip (iproute2) is not installed")
COUNTER = itertools.count(1)
PROPERTY = "linux.netDevices"
OWN = ("flags", "mtu", "address", "ifname", "link_type")  # of a device, without its index and counters


def ip(*words, pid=None):
    """The JSON answer of ip(8), in the namespace of a process; None where it fails."""
    line = ["nsenter", f"--net=/proc/{pid}/ns/net"] if pid else []
    done = subprocess.run([*line, "ip", "-j", *map(str, words)], capture_output=True, text=True, check=False)
    return None if done.returncode else json.loads(done.stdout or "[]")


def device(name, pid=None):
    """What there is to see of a device, or None: its own things, and its addresses as a set of texts."""
    found = ip("addr", "show", "dev", name, pid=pid)
    if not found:
        return None
    skipped = ("valid_life_time", "preferred_life_time", "tentative")
    addresses = {json.dumps({k: v for k, v in a.items() if k not in skipped}, sort_keys=True) for a in found[0]["addr_info"]
                 if a["scope"] == "global"}
    return {**{k: found[0].get(k) for k in OWN}, "addresses": addresses}


def names(pid=None):
    return {link["ifname"] for link in ip("link", "show", pid=pid)}


class Pair:
    """A veth pair: `name` is to be moved, `peer` stays."""

    def __init__(self):
        number = next(COUNTER)
        self.name, self.peer = f"nd{number}.{os.getpid() % 10000}", f"np{number}.{os.getpid() % 10000}"
        self.ip("link", "add", self.name, "type", "veth", "peer", "name", self.peer)

    def ip(self, *words):
        assert ip(*words) is not None, words
        return self

    def up(self):
        self.ip("link", "set", self.peer, "up")
        return self.ip("link", "set", self.name, "up")

    def address(self, *words):
        return self.ip("addr", "add", *words, "dev", self.name)


@pytest.fixture
def pair(request):
    """Makes pairs, and removes what is left of them."""
    made = []

    def make():
        made.append(Pair())
        return made[-1]
    yield make
    for one in made:
        ip("link", "del", one.peer)


@pytest.fixture
def one(pair):
    return pair()


def devices(bundle, **entries):
    """A container that waits, with these devices: host name -> name inside, None for none."""
    return bundle.namespace("network").args("sleep", "1000").set(
        PROPERTY, {host: {"name": name} if name else {} for host, name in entries.items()})


# -- moving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, "net0", "fifteen.letters"])
def test_nd_1_nd_3_moved(bundle, one, name):
    with Container(devices(bundle, **{one.name: name})) as c:
        c.create()
        assert device(one.name) is None
        assert names(c.pid) == {"lo", name or one.name}
        assert {"UP"} <= set(device(name or one.name, c.pid)["flags"])
        c.start()
        assert c.exec("/bin/ls", "/sys/class/net").code in (0, 1)
        assert names(c.pid) == {"lo", name or one.name}


def test_nd_1_run(bundle, one):
    assert name_list(devices(bundle, **{one.name: "net0"}).output("cat /proc/net/dev")) == {"lo", "net0"}


def name_list(text):
    """Names in /proc/net/dev"""
    return {line.split(":")[0].strip() for line in text.splitlines()[2:]} - {"sit0", "tunl0"}


def test_nd_1_several(bundle, pair):
    made = [pair() for _ in range(5)]
    wanted = {p.name: name for p, name in zip(made, ["eth0", None, "eth1", "x", None])}
    with Container(devices(bundle, **wanted)) as c:
        c.create()
        assert names(c.pid) == {"lo"} | {inside or host for host, inside in wanted.items()}


@pytest.mark.parametrize("kind", ["dummy", "bridge", "ifb", "macvlan"])
def test_nd_1_kinds(bundle, one, kind):
    name = one.name + "k"
    words = ("link", one.peer, "name", name, "type", kind) if kind == "macvlan" else ("name", name, "type", kind)
    if ip("link", "add", *words) is None:
        pytest.skip(f"this kernel makes no {kind}")
    try:
        with Container(devices(bundle, **{name: "eth0"})) as c:
            result = bundle.create()
            if result.code:  # bridges of older kernels cannot be moved
                result.fails(f"linux.netDevices.{name}: it cannot be moved: invalid argument", stage="process")
                assert device(name)
            else:
                assert device("eth0", c.pid) and not device(name)
    finally:
        ip("link", "del", name)


def test_nd_1_swapped(bundle, pair):
    """The name inside of the one is the name outside of the other."""
    a, b = pair(), pair()
    macs = device(a.name)["address"], device(b.name)["address"]
    with Container(devices(bundle, **{a.name: b.name, b.name: a.name})) as c:
        c.create()
        assert (device(b.name, c.pid)["address"], device(a.name, c.pid)["address"]) == macs


def test_nd_1_template(bundle, pair):
    """The kernel picks the number."""
    a, b, c_ = pair(), pair(), pair()
    with Container(devices(bundle, **{a.name: "eth0", b.name: "eth%d", c_.name: "eth%d"})) as c:
        c.create()
        assert names(c.pid) == {"lo", "eth0", "eth1", "eth2"}


class Holder:
    """A process in a new network namespace; ends with the block."""

    def __enter__(self):
        self.process = subprocess.Popen(["unshare", "--net", "/bin/sleep", "1000"])
        own = os.stat("/proc/self/ns/net").st_ino
        until(lambda: os.stat(self.path).st_ino != own, "the namespace of the holder")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid

    @property
    def path(self):
        return f"/proc/{self.process.pid}/ns/net"


@pytest.mark.parametrize("user", [False, True], ids=["", "user"])
def test_nd_1_joined_namespace(bundle, one, user):
    """Also where the new name is free there and the old one is not, and with the same index taken."""
    one.address("10.9.8.7/24")
    with Holder() as holder:
        index = ip("link", "show", one.name)[0]["ifindex"]
        subprocess.run(["nsenter", f"--net={holder.path}", "ip", "link", "add", one.name, "index", str(index), "type", "bridge"],
                       check=True)
        if user:
            bundle.own_rootfs().user_namespace()
        devices(bundle, **{one.name: "net0"}).namespace("network", holder.path)
        with Container(bundle) as c:
            c.create()
            assert names(holder.pid) - {"lo"} == {one.name, "net0"}
            assert "10.9.8.7" in str(device("net0", holder.pid))
            c.delete()
        assert device("net0", holder.pid), "ND-4: no moving back"
        ip("link", "del", "net0", pid=holder.pid)


def test_nd_1_new_user_namespace(bundle, one):
    one.address("10.9.8.7/24")
    with Container(devices(bundle.own_rootfs().user_namespace(), **{one.name: "net0"})) as c:
        c.create()
        assert "10.9.8.7" in str(device("net0", c.pid)) and "UP" in device("net0", c.pid)["flags"]


def test_nd_1_hooks_and_sysctl_find_them(bundle, one):
    """They are there before any hook runs, and before the parameters that belong to them are written."""
    marks = {kind: bundle.host_file(kind) for kind in ("prestart", "createRuntime", "createContainer")}
    pid = "sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'"
    for kind in ("prestart", "createRuntime"):
        bundle.hook_sh(kind, f"cat /proc/$({pid})/net/dev > {marks[kind]}")
    bundle.hook_sh("createContainer", f"cat /proc/thread-self/net/dev > {marks['createContainer']}")
    bundle.set("linux.sysctl", {"net.ipv4.conf.net0.forwarding": "1"})
    devices(bundle, **{one.name: "net0"})
    assert bundle.output("cat /proc/sys/net/ipv4/conf/net0/forwarding") == "1"
    for mark in marks.values():
        assert "net0" in name_list(mark.read_text()), mark


@pytest.mark.parametrize("value", [{}, None], ids=["empty", "null"])
def test_nd_1_nothing_to_move(bundle, one, value):
    """Not even a network namespace is needed."""
    bundle.set(PROPERTY, value).args("true").run().ok()
    assert device(one.name)


@pytest.mark.ours
def test_nd_1_dry_run(bundle, one):
    devices(bundle, **{one.name: "net0"})
    result = bundle.create("--dry-run").ok()
    assert f"net_device {one.name} net0" in result.out.splitlines()
    assert device(one.name)


@pytest.mark.ours
def test_nd_1_features(runtime):
    assert runtime.call("features").ok().json["linux"]["netDevices"] == {"enabled": True}


# -- attributes ----------------------------------------------------------------------------------------------------


def test_nd_2_attributes(bundle, one):
    one.ip("link", "set", one.name, "mtu", 1234, "address", "02:00:00:aa:bb:cc", "alias", "the alias", "txqueuelen", 77)
    with Container(devices(bundle, **{one.name: "net0"})) as c:
        c.create()
        link = ip("link", "show", "net0", pid=c.pid)[0]
        assert (link["mtu"], link["address"], link["ifalias"], link["txqlen"]) == (1234, "02:00:00:aa:bb:cc", "the alias", 77)


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
def test_nd_2_addresses(bundle, one, up):
    one.address("10.1.2.3/24", "broadcast", "+").address("10.1.2.4/24").address("172.16.0.1", "peer", "172.16.0.9/30")
    one.address("10.7.0.1/32", "metric", 55).address("fd00:1::5/64", "nodad").address("fd00:2::7/128", "nodad")
    one.address("10.8.0.1/16", "valid_lft", 5000, "preferred_lft", 4000).address("10.9.0.1/16", "scope", "link")
    one.address("fe80::77/64", "nodad")
    if up:
        one.up()
    before = device(one.name)["addresses"]
    with Container(devices(bundle, **{one.name: "net0"})) as c:
        c.create()
        inside = device("net0", c.pid)["addresses"]
        wanted = {a.replace(f'"label": "{one.name}"', '"label": "net0"') for a in before if "10.8.0.1" not in a}
        assert inside == wanted
        assert len([a for a in inside if '"secondary": true' in a]) == 1
        everything = str(ip("addr", "show", "dev", "net0", pid=c.pid))
        assert "10.9.0.1" not in everything and "fe80::77" not in everything


def test_nd_2_many_addresses(bundle, pair):
    """More than one part of a dump, and those of other devices are not taken for ours."""
    one, other = pair(), pair()
    other.address("10.200.0.1/16")
    batch = bundle.host_file("batch")
    batch.write_text("".join(f"addr add 10.100.{n // 250}.{n % 250 + 1}/16 dev {one.name}\n"
                             f"addr add fd00:9::{n:x}/64 dev {one.name} nodad\n" for n in range(600)))
    subprocess.run(["ip", "-b", str(batch)], check=True)
    before = [a["local"] for a in ip("addr", "show", "dev", one.name)[0]["addr_info"] if a["family"] == "inet"]
    with Container(devices(bundle, **{one.name: None})) as c:
        c.create()
        found = ip("addr", "show", "dev", one.name, pid=c.pid)[0]["addr_info"]
        assert [a["local"] for a in found if a["family"] == "inet"] == before, "the first is not secondary"
        assert len([a for a in found if a["family"] == "inet6" and a["scope"] == "global"]) == 600


def test_nd_2_it_carries_data(bundle, one):
    one.address("10.31.0.1/24").ip("addr", "add", "10.31.0.2/24", "dev", one.peer).up()
    with Container(devices(bundle, **{one.name: "net0"})) as c:
        c.create()
        assert "net0" in names(c.pid)
        done = subprocess.run(["busybox", "ping", "-c", "1", "-w", "5", "10.31.0.1"], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


# -- afterwards ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["delete", "kill"])
def test_nd_4_not_moved_back(bundle, one, end):
    """What is virtual vanishes with the namespace."""
    with Container(devices(bundle, **{one.name: "net0"})) as c:
        c.create()
        if end == "kill":
            c.start()
            c.kill("KILL").wait()
        else:
            c.delete()
        until(lambda: device(one.peer) is None, "the kernel removes the pair")
        assert device(one.name) is None


@pytest.mark.ours
def test_nd_4_no_way_back_once_created(bundle, one):
    """A start that fails ends the container, and its devices with it."""
    with Container(devices(bundle, **{one.name: "net0"}).hook_sh("startContainer", "exit 1")) as c:
        c.create()
        bundle.runtime.start(c.id).fails("error running startContainer hook #0")
        until(lambda: device(one.peer) is None, "the kernel removes the pair")


# -- failures ------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(one):
    """A device with everything that must come back."""
    one.address("10.1.2.3/24", "broadcast", "+", "label", one.name + ":1" if len(one.name) < 14 else one.name)
    one.address("10.1.2.4/24").address("fd00:1::5/64", "nodad").ip("link", "set", one.name, "mtu", 1300)
    return one


@pytest.mark.parametrize("up", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("name", [None, "net0"])
@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_nd_5_failing_hook(bundle, told, kind, name, up):
    if up:
        told.up()
    before = device(told.name)
    devices(bundle, **{told.name: name}).hook_sh(kind, "exit 3")
    bundle.refused(f"error running {kind} hook #0")
    assert device(told.name) == before


@pytest.mark.parametrize("user", [False, True], ids=["", "user"])
def test_nd_5_no_program(bundle, pair, told, user):
    """All of several, from a joined namespace too."""
    more = pair().up()
    before = device(told.name), device(more.name)
    with Holder() as holder:
        if user:
            bundle.own_rootfs().user_namespace()
        devices(bundle, **{told.name: "net0", more.name: None}).namespace("network", holder.path)
        bundle.args("/no/such/program").refused("/no/such/program")
        assert names(holder.pid) == {"lo"}
    assert (device(told.name), device(more.name)) == before


@pytest.mark.parametrize("joined", [False, True], ids=["new", "joined"])
def test_nd_5_init_fails_early(bundle, told, joined):
    """Before the devices are moved, meanwhile or after: they are here, and the message is the init's."""
    before = device(told.name)
    devices(bundle.own_rootfs(), **{told.name: "net0"}).set("mounts", []).mount("/x", "x", kind="nosuchfs")
    with Holder() as holder:
        if joined:
            bundle.namespace("network", holder.path)
        for _ in range(10):
            bundle.refused("nosuchfs")
            assert device(told.name) == before
        assert names(holder.pid) == {"lo"}


def test_nd_5_run(bundle, told):
    before = device(told.name)
    devices(bundle, **{told.name: "net0"}).hook_sh("createRuntime", "exit 1").run().fails("hook #0", stage="process")
    assert device(told.name) == before


@pytest.mark.ours
def test_nd_5_killed_runtime_in_a_joined_namespace(bundle, one):
    """Nobody is left to move it back: it stays where it was moved to, which outlives the container."""
    with Holder() as holder:
        devices(bundle, **{one.name: "net0"}).namespace("network", holder.path).hook_sh("createRuntime", "kill -9 $PPID")
        with Container(bundle):
            assert bundle.create().code != 0
        assert names(holder.pid) == {"lo", "net0"}


@pytest.mark.parametrize("name", ["net0", None])
def test_nd_1_nd_5_name_is_taken(bundle, pair, told, name):
    """The first one is moved already, and comes back too."""
    first = pair().up()
    before = device(told.name), device(first.name)
    with Holder() as holder:
        subprocess.run(["nsenter", f"--net={holder.path}", "ip", "link", "add", name or told.name, "type", "bridge"], check=True)
        devices(bundle, **{first.name: "net1", told.name: name}).namespace("network", holder.path)
        bundle.refused(text=f"linux.netDevices.{told.name}: bringing it up as {name or told.name}: file exists", stage="process")
        assert names(holder.pid) == {"lo", name or told.name}
    assert (device(told.name), device(first.name)) == before


def test_nd_1_twice_the_same_name(bundle, pair):
    a, b = pair(), pair()
    devices(bundle, **{a.name: "net0", b.name: "net0"})
    bundle.refused(text=f"linux.netDevices.{b.name}: bringing it up as net0: file exists", stage="process")
    assert device(a.name) and device(b.name)


def test_nd_1_nd_5_no_such_device(bundle, told):
    before = device(told.name)
    devices(bundle, **{told.name: None, "nosuch7": None})
    bundle.refused(text="linux.netDevices.nosuch7: find it: no such device", stage="process")
    assert device(told.name) == before


def test_nd_1_not_movable(bundle, told):
    before = device(told.name)
    devices(bundle, **{told.name: None, "lo": "lo7"})
    bundle.refused(text="linux.netDevices.lo: it cannot be moved: invalid argument", stage="process")
    assert device(told.name) == before


def test_nd_1_alternative_name(bundle, one):
    """Only the name itself is one."""
    one.ip("link", "property", "add", "dev", one.name, "altname", "another.name")
    devices(bundle, **{"another.name": None})
    bundle.refused(text="linux.netDevices.another.name: find it: no such device", stage="process")
    assert device(one.name)


BAD = ["sixteen.letters.", "a/b", "a:b", "a b", "a\tb", ".", "..", "eth%s", "eth%d%d", "%", "a\xa0"]


@pytest.mark.parametrize("name", BAD)
def test_nd_1_bad_name(bundle, one, name):
    devices(bundle, **{one.name: name})
    bundle.refused(f"linux.netDevices.{one.name}.name: \"", " is not the name of a network device")
    assert device(one.name)


@pytest.mark.parametrize("name", ["", *BAD])
def test_nd_1_bad_device(bundle, name):
    devices(bundle, **{name: "net0"})
    bundle.refused("linux.netDevices: \"", " is not the name of a network device")


def test_nd_1_needs_a_network_namespace(bundle, one):
    devices(bundle, **{one.name: None}).without_namespace("network")
    bundle.refused(text="linux.netDevices: needs a \"network\" entry in linux.namespaces")
    assert device(one.name)


def test_nd_1_own_namespace(bundle, one):
    """A path to the namespace that the runtime is in itself."""
    devices(bundle, **{one.name: "net0"}).namespace("network", f"/proc/{os.getpid()}/ns/net")
    bundle.refused(text="linux.netDevices: the namespace that is joined is the host's own")
    assert device(one.name)


def test_nd_1_without_privilege(bundle, one):
    wrap = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]
    caps = bundle.get("process.capabilities")
    bundle.set("process.capabilities", {k: [c for c in v if c != "CAP_NET_ADMIN"] for k, v in caps.items()})
    devices(bundle, **{one.name: "net0"})
    bundle.refused(text="linux.netDevices: the caller has no CAP_NET_ADMIN to move them", wrap=wrap)
    assert device(one.name)


def test_nd_1_as_root_of_a_user_namespace(bundle, one):
    """The capability is there, but not over the host's devices."""
    devices(bundle.own_rootfs(), **{one.name: "net0"})
    bundle.drop("linux.cgroupsPath")
    bundle.config["mounts"][2]["options"].remove("gid=5")
    bundle.dir.chmod(0o777)
    wrap = ["unshare", "--user", "--map-root-user"]
    result = bundle.create(globals_=("--rootless", "true") if bundle.runtime.ours else (), wrap=wrap)
    result.refused("linux.netDevices: entering the own network namespace: operation not permitted")
    assert device(one.name)
