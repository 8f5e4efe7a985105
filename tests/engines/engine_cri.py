"""The CRI plugin of containerd, as a kubelet calls it: a small client of our own, since Debian has none.

gRPC is Debian's python3-grpcio.  The messages are few, so protobuf is written here: a message is {field number: value},
where a value is a number, text, a message, or a list of those.
"""

import json
import os
import socket
import subprocess
import sys

from place import Unavailable, make_image

CONFIG = """version = 2
root = "{home}/root"
state = "{home}/state"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "{home}/sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  disable_tcp_service = true
  sandbox_image = "localhost/pause:latest"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{home}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    default_runtime_name = "ocirt"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ocirt]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ocirt.options]
        BinaryName = "{runtime}"
"""
NETWORK = """{{"cniVersion":"0.4.0","name":"t","plugins":[{{"type":"ptp","ipMasq":false,"ipam":{{"type":"host-local",
"ranges":[[{{"subnet":"10.99.0.0/24"}}]],"dataDir":"{home}/cni/data"}}}}]}}
"""
POD, CONTAINER, NODE = 0, 1, 2  # whose namespace
CREATED, RUNNING, EXITED = 0, 1, 2


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(message):
    out = b""
    for field, value in message.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int):
                out += varint(field << 3) + varint(one)
            else:
                data = encode(one) if isinstance(one, dict) else one.encode()
                out += varint(field << 3 | 2) + varint(len(data)) + data
    return out


def take_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def decode(data):
    """{field: [numbers or bytes]}"""
    found, at = {}, 0
    while at < len(data):
        key, at = take_varint(data, at)
        if key & 7 == 0:
            value, at = take_varint(data, at)
        elif key & 7 == 2:
            size, at = take_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 8 if key & 7 == 1 else 4
            value, at = data[at:at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def pairs(table):
    """A map of texts."""
    return [{1: key, 2: value} for key, value in (table or {}).items()]


class Stream:
    """A WebSocket of Kubernetes' v4.channel protocol: the first byte of a message is its channel."""

    STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)

    def __init__(self, url):
        host, _, path = url.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), 30)
        self.socket.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: b2NpcnQgb2NpcnQgb2NpcnQ=\r\nOrigin: http://localhost\r\n"
                            "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        assert b" 101 " in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass

    def send(self, channel, data):
        """At most 124 bytes; the mask is zero."""
        message = bytes([channel]) + data
        self.socket.sendall(bytes([0x82, 0x80 | len(message), 0, 0, 0, 0]) + message)

    def receive(self):
        """(channel, data), or None at the end."""
        head = self.file.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return None
        size = head[1] & 127
        if size >= 126:
            size = int.from_bytes(self.file.read(2 if size == 126 else 8), "big")
        message = self.file.read(size)
        return (message[0], message[1:]) if message else self.receive()

    def all(self, until=None):
        """{channel: all its data} to the end, or until a text has come on stdout."""
        found = {}
        while (until is None or until not in found.get(self.STDOUT, b"")) and (one := self.receive()):
            found[one[0]] = found.get(one[0], b"") + one[1]
        return found

    def close(self):
        self.file.close()
        self.socket.close()


class Refused(Exception):
    """What the server answered instead."""


# gRPC's threads come back in every forked child, and a process with threads cannot enter a place: so it has one of its own,
# which reads {"method", "message" in hexadecimal} and answers {"answer"} or {"refused"}, a line each.
CALLER = """
import json, sys, grpc
channel = grpc.insecure_channel(sys.argv[1])
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"answer": channel.unary_unary("/runtime.v1.RuntimeService/" + asked["method"])(
            bytes.fromhex(asked["message"]), timeout=60).hex()}
    except grpc.RpcError as e:
        answer = {"refused": e.details()}
    print(json.dumps(answer), flush=True)
"""


class Cri:
    def __init__(self, place):
        place.needs("containerd", "ctr", "containerd-shim-runc-v2")
        if subprocess.run([sys.executable, "-c", "import grpc"], capture_output=True).returncode != 0:
            raise Unavailable("python3-grpcio is not installed")
        if not os.path.exists("/usr/lib/cni/ptp"):
            raise Unavailable("containernetworking-plugins is not installed")
        self.place = place
        place.parents |= {"ocri", "k8s.io"}
        self.home = place.work / "cri"
        (self.home / "cni/data").mkdir(parents=True)
        (self.home / "cni/10-t.conflist").write_text(NETWORK.format(home=self.home))
        config = self.home / "config.toml"
        config.write_text(CONFIG.format(home=self.home, runtime=place.runtime))
        self.ctr = ["ctr", "-a", self.home / "sock", "-n", "k8s.io"]
        place.daemon(["containerd", "-c", config], lambda: place.run([*self.ctr, "version"]).returncode == 0)
        pause = make_image(place.rootfs_tar, self.home / "pause.tar", ("/bin/sleep", "1000000"), "localhost/pause:latest")
        for image in (place.image, pause):
            place.call([*self.ctr, "images", "import", "--snapshotter", "native", image])
        self.caller = subprocess.Popen([sys.executable, "-c", CALLER, f"unix://{self.home}/sock"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        place.daemons.append(self.caller)
        self.pods = {}  # {id: its config}
        self.seen = []
        self.number = 0

    def call(self, method, message):
        self.caller.stdin.write(json.dumps({"method": method, "message": encode(message).hex()}) + "\n")
        self.caller.stdin.flush()
        answer = json.loads(self.caller.stdout.readline())
        if "refused" in answer:
            raise Refused(answer["refused"])
        return decode(bytes.fromhex(answer["answer"]))

    def text(self, answer, field):
        return answer.get(field, [b""])[0].decode()

    def pod(self, network=NODE, pid=CONTAINER, security=None, sysctls=None):
        """A sandbox; its id."""
        self.number += 1
        linux = {1: "/ocri", 2: {1: {1: network, 2: pid}, **(security or {})}, 3: pairs(sysctls)}
        config = {1: {1: f"pod{self.number}", 2: f"uid{self.number}", 3: "default", 4: 0}, 3: str(self.home / "logs"), 8: linux}
        if network == POD:
            config[2] = f"host{self.number}"
        name = self.text(self.call("RunPodSandbox", {1: config}), 1)
        self.pods[name] = config
        self.seen.append(name)
        return name

    def container(self, pod, *command, environment=None, resources=None, security=None, start=True, mounts=(), more=None):
        """A container in a sandbox; its id.  mounts: (inside, outside, read-only, propagation); more: fields of its config."""
        self.number += 1
        linux = {1: {1: 100000, 3: 512, **(resources or {})}, 2: {3: {2: self.pods[pod][8][2][1][2]}, **(security or {})}}
        config = {1: {1: f"c{self.number}", 2: 0}, 2: {1: "localhost/bb:latest"}, 3: list(command),
                  6: pairs(environment),
                  7: [{1: inside, 2: str(outside), 3: int(read_only), 5: (*how, 0)[0]} for inside, outside, read_only, *how in mounts],
                  11: f"c{self.number}.log", 15: linux, **(more or {})}
        name = self.text(self.call("CreateContainer", {1: pod, 2: config, 3: self.pods[pod]}), 1)
        self.seen.append(name)
        if start:
            self.call("StartContainer", {1: name})
        return name

    def status(self, name):
        """(state, exit code, reason)"""
        found = decode(self.call("ContainerStatus", {1: name})[1][0])
        return found.get(3, [0])[0], found.get(7, [0])[0], self.text(found, 10)

    def log(self, pod, name):
        """What the container wrote, without the columns of the log."""
        found = decode(self.call("ContainerStatus", {1: name})[1][0])
        with open(self.text(found, 15), encoding="utf-8") as file:
            return [line.split(" ", 3)[3].rstrip("\n") for line in file]

    def execute(self, name, *command, seconds=20):
        """(exit code, stdout, stderr)"""
        answer = self.call("ExecSync", {1: name, 2: list(command), 3: seconds})
        return answer.get(3, [0])[0], self.text(answer, 1), self.text(answer, 2)

    def stream(self, method, message):
        """What `kubectl exec`, `attach` and `port-forward` go on with: the streams behind the address that the call answers."""
        return Stream(self.text(self.call(method, message), 1))

    def clear(self):
        for pod in list(self.pods):
            self.call("StopPodSandbox", {1: pod})
            self.call("RemovePodSandbox", {1: pod})
            del self.pods[pod]

    def end(self):
        self.clear()
        self.place.stop(self.caller)
