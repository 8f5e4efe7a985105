"""The document: JSON, types, versions, sizes, what is refused by name (GEN-1 to GEN-11, AN-1, VM-1, security.md 8)."""

import copy
import json
from pathlib import Path

import pytest

from harness import Container

VECTORS = Path(__file__).resolve().parents[1] / "data/oci-schema/test/config"


def text(bundle):
    return json.dumps(bundle.config)


# -- ociVersion ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.0.0-rc5", "1.1.0-rc.1", "1.2.1", "1.3.0", "1.3.0+dev", "1.3.0-rc.1+x.2"])
def test_gen_7_accepted(bundle, version):
    result = bundle.set("ociVersion", version).args("true").run(log=bundle.host_file("log")).ok()
    assert not result.warnings


@pytest.mark.parametrize("version", ["1.4.0", "1.99.0"])
def test_gen_7_newer_minor_is_a_warning(bundle, version):
    # covers: GEN-7, GEN-6, DEC-3
    result = bundle.set("ociVersion", version).args("true").run(log=bundle.host_file("log")).ok()
    assert any("ociVersion" in w for w in result.warnings) or not bundle.runtime.ours


@pytest.mark.parametrize("version", ["", "invalid", "1", "1.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0+", "v1.0.0", "1.0.0 ",
                                     "1.0.0.0", "1.-1.0", "0.5.0-dev", "2.0.0", 1, 1.0, None, ["1.0.0"]], ids=str)
def test_gen_7_refused(bundle, version):
    bundle.set("ociVersion", version).refused("ociVersion")


def test_gen_7_absent(bundle):
    bundle.drop("ociVersion").refused("ociVersion")


# -- JSON ---------------------------------------------------------------------------------------------------------


def reverse(value):
    if isinstance(value, dict):
        return {k: reverse(v) for k, v in reversed(value.items())}
    return [reverse(v) for v in value] if isinstance(value, list) else value


def test_gen_2_order_of_keys(bundle):
    bundle.config = reverse(bundle.config)
    assert bundle.report()["hostname"] == "inside"


DUPLICATES = {"top": ('{"hostname"', '{"hostname":"a","hostname"'), "escaped": ('"hostname":', '"hostnam\\u0065":"x","hostname":'),
              "process": ('"cwd":', '"cwd":"/","cwd":'), "unknown": ('"ociVersion":', '"zz":{"q":{"a":1,"a":1}},"ociVersion":'),
              "unknown escaped": ('"ociVersion":', '"zz":[{"a":1,"\\u0061":1}],"ociVersion":')}


@pytest.mark.parametrize("where", DUPLICATES)
def test_gen_2_dec_7_duplicate_name(bundle, where):
    bundle.config = {"hostname": bundle.config.pop("hostname"), **bundle.config}
    document = json.dumps(bundle.config, separators=(",", ":"))
    old, new = DUPLICATES[where]
    assert old in document
    bundle.raw(document.replace(old, new, 1)).refused()


MALFORMED = {
    "empty": "", "blank": "  \n", "null": "null", "array": "[]", "string": '"x"', "number": "1", "true": "true",
    "open": "{", "many open": "[" * 200000, "many open objects": '{"a":' * 100000, "blanks": " " * 5_000_000, "trailing comma": '{"ociVersion":"1.0.0",}',
    "comment": '{"ociVersion":"1.0.0"/* */}', "single quotes": "{'ociVersion':'1.0.0'}", "no quotes": "{ociVersion:1}",
    "leading zero": '{"zz":01}', "plus": '{"zz":+1}', "NaN": '{"zz":NaN}', "Infinity": '{"zz":Infinity}', "hex": '{"zz":0x10}',
    "bare dot": '{"zz":1.}', "control": '{"zz":"a\nb"}', "bad escape": '{"zz":"\\x"}', "short escape": '{"zz":"\\u12"}',
    "lone surrogate": '{"zz":"\\ud800"}', "lone low surrogate": '{"zz":"\\udc00"}', "reversed surrogates": '{"zz":"\\udc00\\ud800"}',
    "bad UTF-8": b'{"zz":"\xff"}', "overlong": b'{"zz":"\xc0\xaf"}', "surrogate in UTF-8": b'{"zz":"\xed\xa0\x80"}',
    "above U+10FFFF": b'{"zz":"\xf4\x90\x80\x80"}', "cut UTF-8": b'{"zz":"\xe2\x82"}', "NUL in a string": '{"zz":"\\u0000"}',
    "NUL byte": b'{"zz":"\x00"}', "BOM": b"\xef\xbb\xbf{}", "UTF-16": '{"a":1}'.encode("utf-16"), "UTF-16 bare": '{"a":1}'.encode("utf-16-be"),
}


def with_fault(bundle, fault):
    """The fault inside a config that is otherwise good, where that makes sense."""
    fault = fault if isinstance(fault, bytes) else fault.encode()
    if fault.startswith(b'{"zz":') and fault.endswith(b"}"):
        return fault[:-1] + b"," + text(bundle).encode()[1:]
    return fault


@pytest.mark.parametrize("name", MALFORMED)
def test_gen_2_malformed(bundle, name):
    bundle.raw(with_fault(bundle, MALFORMED[name])).refused()


def test_config_null_text(bundle):
    bundle.raw("null").refused(text="config cannot be null")


@pytest.mark.parametrize("tail", ["x", "{}", "]", "\0", "//"])
def test_gen_2_trailing_garbage(bundle, tail):
    bundle.raw(text(bundle) + tail).refused()


def test_gen_2_truncated_at_sampled_bytes(bundle):
    document = json.dumps(bundle.config, separators=(",", ":")).encode()
    for end in [*range(0, len(document), max(1, len(document) // 60)), len(document) - 1]:
        result = bundle.raw(document[:end]).create()
        assert result.code == 1 and result.message, end
    bundle.raw(document[:-1]).refused()


def test_gen_2_invalid_json_vector(bundle):
    bundle.raw((VECTORS / "bad/invalid-json.json").read_bytes()).refused()


def test_gen_2_good_text(bundle):
    """Everything that RFC 8259 allows: white space, escapes, surrogate pairs, numbers of every form in unknown places."""
    junk = '{"junk":[1,-0,0.5,1e3,1E-3,-1.5e+10,true,false,null,"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00","",{},[]],'
    bundle.args("true")
    bundle.raw("\t\r\n " + junk + text(bundle)[1:].replace(",", " ,\n\t") + "\n\n").run().ok()


def test_gen_2_nul_in_argv(bundle):
    bundle.args("true", "a\0b").refused()


# -- unknown properties -------------------------------------------------------------------------------------------


def add_junk(value):
    if isinstance(value, dict):
        for child in value.values():
            add_junk(child)
        value.update({"zzScalar": 1, "zzObject": {"a": [1, None, "x"]}, "zzNull": None})
    elif isinstance(value, list):
        for child in value:
            add_junk(child)


def test_gen_3_unknown_properties_everywhere(bundle):
    bundle.args("true").hook("prestart", "/bin/true").namespace("network")
    bundle.set("linux.devices", [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}])
    bundle.set("linux.resources", {"devices": [{"allow": True, "access": "rwm"}]})
    bundle.set("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}])
    add_junk(bundle.config)
    bundle.run().ok()


@pytest.mark.parametrize("group", ["windows", "solaris", "zos", "freebsd", "org.example.own"])
def test_gen_3_vm_2_other_platforms(bundle, group):
    bundle.set("x", 1).config[group] = {"anything": [1, {"a": "b"}]}
    bundle.args("true").run().ok()


@pytest.mark.parametrize("name", ["Hostname", "PROCESS", "Linux"])
def test_keys_are_exact(bundle, name):
    """A key that differs in letter case only is unknown (security.md 8), and worth a warning."""
    bundle.config[name] = 5
    result = bundle.args("true").run(log=bundle.host_file("log"))
    if bundle.runtime.ours:
        assert any(name in w for w in result.ok().warnings)


@pytest.mark.parametrize("path", ["hooks", "annotations", "mounts", "hostname", "domainname", "process.env", "process.rlimits",
                                  "process.user.additionalGids", "process.user.umask", "process.oomScoreAdj", "linux.devices",
                                  "linux.resources", "linux.sysctl", "linux.maskedPaths", "linux.readonlyPaths", "linux.seccomp",
                                  "linux.uidMappings", "linux.rootfsPropagation", "linux.cgroupsPath", "linux.intelRdt",
                                  "process.consoleSize", "process.ioPriority", "process.scheduler", "linux.personality", "vm"])
def test_dec_29_null_is_absent(bundle, path):
    bundle.set(path, None).args("/bin/true")
    if path == "mounts":
        bundle.own_rootfs().set("linux.maskedPaths", []).set("linux.readonlyPaths", [])
    bundle.run().ok()


# -- wrong types and numbers --------------------------------------------------------------------------------------


WRONG = {
    "root.path": [5, {}, [], True], "root.readonly": ["true", 1], "hostname": [5, []], "domainname": [5], "mounts": [{}, "x"],
    "process": ["x", []], "process.terminal": ["false", 0], "process.cwd": [5], "process.env": [{"A": "b"}, "A=b", [5]],
    "process.args": ["sh", [5], [None], {}], "process.user": [0, "root"], "process.user.uid": ["0", -1, 1.5, 2**32, 1e30, True],
    "process.user.gid": ["0", -1, 2**32, 2**64], "process.user.additionalGids": [5, ["5"], [-1], [2**32]],
    "process.user.umask": ["0", -1], "process.rlimits": [{}], "process.capabilities": [[]],
    "process.capabilities.bounding": ["CAP_KILL", [5]], "process.noNewPrivileges": [1, "yes"],
    "process.oomScoreAdj": ["5", 1.5, 2**31, -2**31 - 1, 2**63], "hooks": [[]], "hooks.prestart": [{}], "annotations": [[], "x"],
    "linux": [[], "x"], "linux.namespaces": [{}, "x"], "linux.devices": [{}], "linux.cgroupsPath": [5], "linux.resources": [[]],
    "linux.resources.devices": [{}, [{"access": "rwm"}], [{"allow": "no"}]], "linux.sysctl": [[]], "linux.maskedPaths": ["/x", [5]],
    "linux.readonlyPaths": ["/x", [5]], "linux.rootfsPropagation": [5], "linux.mountLabel": [5], "linux.uidMappings": [{}],
}
CASES = [(path, value) for path, values in WRONG.items() for value in values]


@pytest.mark.parametrize("path,value", CASES, ids=[f"{p}={json.dumps(v)}" for p, v in CASES])
def test_gen_4_wrong_type_or_number(bundle, path, value):
    bundle.set(path, value).refused(path)


@pytest.mark.parametrize("number", ["1e3", "1.0", "-0.0", "99999999999999999999", "0.1e1"])
def test_gen_4_integers_are_plain(bundle, number):
    """A number that is no plain integer is no uint32, whatever its value."""
    bundle.set("process.user.uid", 424242)
    bundle.raw(text(bundle).replace("424242", number)).refused("process.user.uid")


@pytest.mark.parametrize("entry,word", [({"destination": 5}, "destination"), ({"destination": "/x", "options": "ro"}, "options"),
                                        ({"destination": "/x", "options": [5]}, "options"), ({"destination": "/x", "type": 5}, "type"),
                                        ({"destination": "/x", "source": []}, "source"), ("x", "mounts[4]")], ids=str)
def test_gen_4_wrong_type_in_a_mount(bundle, entry, word):
    bundle.config["mounts"].append(entry)
    bundle.refused("mounts[4]", word)


@pytest.mark.parametrize("pairs", [{"": "x"}, {"a": 1}, {"a": {}}, {"a": ["x"]}], ids=str)
def test_an_1_bad_annotations(bundle, pairs):
    # covers: AN-1, DEC-21
    bundle.set("annotations", pairs).refused("annotations")


@pytest.mark.ours
@pytest.mark.parametrize("name", ["org.ocirt.init.stages", "org.ocirt.initial"])
def test_reserved_annotations(bundle, name):
    # covers: engines.md 2.15 (what a later version would act on is not passed over in silence)
    result = bundle.set("annotations", {name: "x"}).create().fails()
    assert result.message == f'ocirt create failed: annotations["{name}"]: not available in this version'


@pytest.mark.parametrize("vm", [{}, {"kernel": {"path": "/boot/vmlinuz"}, "hypervisor": {"path": "/usr/bin/qemu"}}], ids=str)
def test_vm_1_is_refused(bundle, vm):
    # covers: VM-1, DEC-4
    bundle.set("vm", vm).refused("vm")


# -- size ---------------------------------------------------------------------------------------------------------


def test_gen_11_a_big_config(bundle):
    """3 MiB of strings, 30 000 entries, 30 levels: nothing unusual."""
    nested = "x"
    for _ in range(30):
        nested = {"a": nested}
    bundle.config.update(zzBig="y" * 2_500_000, zzMany=list(range(20000)), zzDeep=nested)
    bundle.annotate(**{f"key.{n}": "v" for n in range(5000)}).args("true").run().ok()


@pytest.mark.parametrize("what", ["text", "depth", "tokens"])
def test_gen_11_too_big_is_an_error(bundle, what):
    if what == "text":
        bundle.config["zz"] = "y" * (10 << 20)
    elif what == "tokens":
        bundle.config["zz"] = [0] * 400_000
    document = text(bundle)
    if what == "depth":
        document = document[:-1] + ',"zz":' + "[" * 20000 + "]" * 20000 + "}"
    bundle.raw(document).refused()


def test_gen_11_many_keys_are_not_quadratic(bundle):
    bundle.config["zz"] = {f"k{n}": n for n in range(100_000)}
    bundle.args("true").run(timeout=8).ok()


# -- refused by name ----------------------------------------------------------------------------------------------


LATER = {
    "linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW"},
    "linux.resources.memory.limit": 1 << 28, "linux.resources.memory.reservation": 1 << 27, "linux.resources.memory.swap": 1 << 29,
    "linux.resources.memory.swappiness": 10, "linux.resources.memory.disableOOMKiller": True,
    "linux.resources.cpu.shares": 512, "linux.resources.cpu.quota": 50000, "linux.resources.cpu.period": 100000,
    "linux.resources.cpu.cpus": "0", "linux.resources.cpu.mems": "0", "linux.resources.cpu.idle": 1,
    "linux.resources.pids.limit": 10, "linux.resources.blockIO.weight": 100,
    "linux.resources.blockIO.throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1000}],
    "linux.resources.hugepageLimits": [{"pageSize": "2MB", "limit": 1 << 21}],
    "linux.resources.network.classID": 5, "linux.resources.network.priorities": [{"name": "lo", "priority": 1}],
    "linux.resources.rdma": {"mlx5_1": {"hcaHandles": 3}}, "linux.resources.unified": {"pids.max": "10"},
    "linux.intelRdt": {"closID": "x"}, "linux.memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"},
    "linux.netDevices": {"dummy9": {}}, "linux.timeOffsets": {"monotonic": {"secs": 5}},
    "linux.personality": {"domain": "LINUX32"},
    "process.scheduler": {"policy": "SCHED_BATCH"}, "process.ioPriority": {"class": "IOPRIO_CLASS_IDLE"},
    "process.execCPUAffinity": {"initial": "0"},
}


@pytest.mark.ours
@pytest.mark.parametrize("path", LATER)
def test_gen_4_refused_by_name(bundle, path):
    """Either this version carries the property out, or create says which one it cannot: never a silent no-op (S26)."""
    if path == "linux.timeOffsets":
        bundle.namespace("time")
    bundle.needs_refusal(path, LATER[path])


@pytest.mark.ours
@pytest.mark.parametrize("value", [0, -1])
def test_dec_31_zero_is_unset(bundle, value):
    """Engines send zeros for what they do not set; that must not be refused as unsupported."""
    if value == 0:
        bundle.set("linux.resources", {"memory": {"limit": 0, "reservation": 0, "swap": 0}, "cpu": {"shares": 0, "quota": 0, "period": 0},
                                       "blockIO": {"weight": 0}})
    else:
        bundle.set("linux.resources", {"memory": {}, "cpu": {}, "blockIO": {}, "pids": None, "hugepageLimits": [], "unified": {}})
    bundle.args("true").run().ok()


# -- vectors of the specification ---------------------------------------------------------------------------------


def test_op_6_minimal_vector(bundle):
    bundle.config = json.loads((VECTORS / "good/minimal.json").read_text())
    rootfs = bundle.dir / bundle.config["root"]["path"]
    rootfs.mkdir()
    bundle.refused(text="process property must not be empty")


def test_minimal_for_start_vector(bundle):
    """Neither mounts nor linux: no namespace is new but what the decision for a missing mount namespace says (DEC-23)."""
    bundle.config = json.loads((VECTORS / "good/minimal-for-start.json").read_text())
    bundle.own_rootfs()
    bundle.sh("echo hello").run().ok()


@pytest.mark.ours
@pytest.mark.parametrize("name", ["linux-hugepage", "linux-netdevice", "linux-rdma"])
def test_bad_vectors(bundle, name):
    bad = json.loads((VECTORS / f"bad/{name}.json").read_text())
    bundle.config["linux"].update({k: v for k, v in bad["linux"].items() if k not in ("namespaces",)})
    bundle.namespace("network").refused("linux.")


def test_gen_9_refused_before_anything_is_done(bundle):
    """A bad property at the very end: no hook has run, no folder was made."""
    mark = bundle.host_file("ran")
    bundle.hook_sh("prestart", f"touch {mark}").hook_sh("poststop", f"touch {mark}").set("linux.rootfsPropagation", "fly")
    with Container(bundle):
        bundle.refused("linux.rootfsPropagation")
    if bundle.runtime.ours:
        assert not mark.exists()
