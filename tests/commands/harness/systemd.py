"""A stand-in for systemd's manager: its private socket, the messages of D-Bus on it, and the cgroups of its units.

It answers as org.freedesktop.systemd1(5) says, remembers every call decoded, and can be told to answer otherwise.
"""

import os
import shutil
import socket
import struct
import threading
import time
from pathlib import Path

from harness import layout

SOCKET = Path("/run/systemd/private")
NUMBERS = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q"}
JOB = "/org/freedesktop/systemd1/job/7"


def first_type(signature):
    """The first complete type of a signature, and the rest."""
    if signature[0] == "a":
        one, rest = first_type(signature[1:])
        return "a" + one, rest
    if signature[0] != "(":
        return signature[0], signature[1:]
    depth = 0
    for i, c in enumerate(signature):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return signature[:i + 1], signature[i + 1:]
    raise AssertionError(signature)


def alignment(kind):
    return {"(": 8, "a": 4, "v": 1, "s": 4, "o": 4, "g": 1}.get(kind[0]) or struct.calcsize(NUMBERS[kind[0]])


class Reader:
    """Decodes strictly: what is padding must be zero, what is a text must end in its NUL."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, n):
        while self.at % n:
            assert self.data[self.at] == 0, "padding"
            self.at += 1

    def take(self, n):
        assert self.at + n <= len(self.data), "truncated"
        self.at += n
        return self.data[self.at - n:self.at]

    def text(self, n):
        text = self.take(n + 1)
        assert text[-1] == 0 and 0 not in text[:-1]
        return text[:-1].decode()

    def value(self, kind):
        self.align(alignment(kind))
        if kind in NUMBERS:
            number, = struct.unpack("<" + NUMBERS[kind], self.take(struct.calcsize(NUMBERS[kind])))
            return bool(number) if kind == "b" else number
        if kind in "so":
            return self.text(self.value("u"))
        if kind == "g":
            return self.text(self.value("y"))
        if kind == "v":
            inner = self.value("g")
            return inner, self.value(inner)
        if kind[0] == "(":
            return tuple(self.values(kind[1:-1]))
        length = self.value("u")
        self.align(alignment(kind[1:]))
        end, items = self.at + length, []
        while self.at < end:
            items.append(self.value(kind[1:]))
        assert self.at == end
        return items

    def values(self, signature):
        found = []
        while signature:
            kind, signature = first_type(signature)
            found.append(self.value(kind))
        return found


class Writer:
    def __init__(self, order="<"):
        self.data, self.order = bytearray(), order

    def put(self, kind, value):
        self.data += bytes(-len(self.data) % alignment(kind))
        if kind in NUMBERS:
            self.data += struct.pack(self.order + NUMBERS[kind], value)
        elif kind in "so":
            self.put("u", len(value))
            self.data += value.encode() + b"\0"
        elif kind == "g":
            self.put("y", len(value))
            self.data += value.encode() + b"\0"
        elif kind == "v":
            self.put("g", value[0])
            self.put(*value)
        return self


def message(kind, serial, fields, body_signature="", body=(), order="<"):
    """fields: [(code, type, value)]"""
    content = Writer(order)
    for one, value in zip(body_signature, body):
        content.put(one, value)
    head = Writer(order)
    head.data += b"l" if order == "<" else b"B"
    head.data += bytes([kind, 1, 1])
    head.put("u", len(content.data)).put("u", serial).put("u", 0)
    for code, type_, value in [*fields, *([(8, "g", body_signature)] if body_signature else [])]:
        head.data += bytes(-len(head.data) % 8)
        head.put("y", code).put("v", (type_, value))
    head.data[12:16] = struct.pack(order + "I", len(head.data) - 16)
    return bytes(head.data) + bytes(-len(head.data) % 8) + bytes(content.data)


class Call:
    def __init__(self, serial, member, values):
        self.serial, self.member, self.values = serial, member, values

    def __repr__(self):
        return f"{self.member}{tuple(self.values)}"

    @property
    def properties(self):
        """{name: (type, value)}, the last one of a name"""
        return dict(next(v for v in self.values if isinstance(v, list)))


class Systemd:
    """`refusals`: {member: [error name or None, ...]}, one for each call.  `result`: of jobs.  `silent`: members that get no
    answer.  `raw`: {member: bytes} sent instead of an answer."""

    def __init__(self, slice_):
        self.slice, self.calls, self.units = slice_, [], {}
        self.refusals, self.result, self.silent, self.raw, self.order = {}, "done", set(), {}, "<"
        self.noise = []  # messages before each answer
        self.errors, self.serial, self.closed = [], 0, False
        Path("/run/systemd/system").mkdir(parents=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(SOCKET))
        self.socket.listen(5)
        self.socket.settimeout(0.05)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def close(self):
        self.closed = True
        self.thread.join()
        self.socket.close()
        shutil.rmtree("/run/systemd")
        self.prune()
        assert not self.errors, self.errors

    def accept(self):
        while not self.closed:
            try:
                one, _ = self.socket.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self.serve, args=[one], daemon=True).start()

    def serve(self, one):
        try:
            with one, one.makefile("rb") as lines:
                assert lines.readline() == b"\0AUTH EXTERNAL\r\n"
                one.sendall(b"DATA\r\n")
                assert lines.readline() == b"DATA\r\n"
                one.sendall(b"OK 00112233445566778899aabbccddeeff\r\n")
                assert lines.readline() == b"BEGIN\r\n"
                while head := lines.read(16):
                    body, _, fields = struct.unpack("<4xIII", head)
                    self.answer(one, head + lines.read((fields + 7) // 8 * 8 + body), 16 + (fields + 7) // 8 * 8)
        except (BrokenPipeError, ConnectionResetError):
            pass
        except Exception as e:  # pylint: disable=broad-except  (for the main thread to tell)
            self.errors.append(repr(e))

    def send(self, one, kind, fields, *body):
        self.serial += 1
        one.sendall(message(kind, self.serial, fields, *body, order=self.order))

    def answer(self, one, data, body_at):
        reader = Reader(data)
        assert reader.values("yyyy")[:2] == [ord("l"), 1]
        _, serial = reader.values("uu")
        fields = {code: value for code, (_, value) in reader.value("a(yv)")}
        assert fields[1] == "/org/freedesktop/systemd1"
        reader.align(8)
        assert reader.at == body_at
        values = reader.values(fields[8])
        assert reader.at == len(data)
        call = Call(serial, fields[3], values)
        self.calls.append(call)
        if call.member in self.silent:
            return
        if call.member in self.raw:
            one.sendall(self.raw[call.member])
            return
        for noise in self.noise:
            one.sendall(noise)
        refusal = self.refusals.get(call.member) or [None]
        error = refusal.pop(0) or self.act(call)
        if error:
            self.send(one, 3, [(4, "s", error), (5, "u", serial)], "s", [f"{call.member} is refused"])
        elif call.member == "Get":
            self.send(one, 2, [(5, "u", serial)], "v", [("s", "")])
        elif call.member in ("StartTransientUnit", "StopUnit"):
            self.send(one, 2, [(5, "u", serial)], "o", [JOB])
            for job in (JOB + "0", JOB):
                self.send(one, 4, [(1, "o", "/o"), (2, "s", "i.f"), (3, "s", "JobRemoved")], "uoss",
                          [7, job, values[0], self.result if job == JOB else "canceled"])
        else:
            self.send(one, 2, [(5, "u", serial)])

    def act(self, call):
        """Does what was asked for; the name of an error, or None."""
        unit = call.values[0]
        if call.member == "StartTransientUnit":
            if unit in self.units:
                return "org.freedesktop.systemd1.UnitExists"
            pid, = call.properties["PIDs"][1]
            self.units[unit] = pid
            directory = self.cgroup(unit)
            directory.mkdir(parents=True)
            (directory / "cgroup.procs").write_text(str(pid))
        elif call.member == "StopUnit":
            if self.units.pop(unit, None) is None:
                return "org.freedesktop.systemd1.NoSuchUnit"
            self.prune()
        return None

    def prune(self):
        """The slice and what was in it, all of it empty."""
        for directory in sorted(layout.directories(self.slice), reverse=True):
            for one in [*directory.glob("*/"), directory]:
                one.rmdir()

    def cgroup(self, unit):
        """In the hierarchy that systemd itself goes by."""
        top = layout.mount_point("") or layout.mount_point("name=systemd")
        return top / self.slice / unit

    def named(self, member):
        return [c for c in self.calls if c.member == member]

    def wait_for(self, member):
        end = time.monotonic() + 10
        while not self.named(member):
            assert time.monotonic() < end, member
            time.sleep(0.01)
        return self.named(member)[0]


def answers():
    """Is there a systemd that takes our process ids as we mean them?"""
    return SOCKET.exists() and os.readlink("/proc/self/ns/pid") == os.readlink("/proc/1/ns/pid")
