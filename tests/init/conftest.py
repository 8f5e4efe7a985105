"""Black-box tests of container inits: ocirt under each name, and Debian's tini, dumb-init and catatonit beside it.

    /usr/bin/python3 -m pytest tests/init -q            OCIRT=PATH: another binary

Debian packages: python3-pytest gcc libc6-dev strace, and tini dumb-init catatonit for the originals.  Needs root.
What the originals fail is listed, with the reason, in known.txt.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

# A shell starts what is in the background with these ignored, and that is inherited.
for _signal in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_signal) == signal.SIG_IGN:
        signal.signal(_signal, signal.SIG_DFL)

OCIRT = Path(os.environ.get("OCIRT", HERE.parents[1] / "ocirt")).resolve()
NAMES = ["native", "tini", "dumb-init", "catatonit"]
ALL = [f"ocirt-{n}" for n in NAMES] + [f"debian-{n}" for n in NAMES[1:]]
sys.dont_write_bytecode = True


PATIENCE = 2  # seconds for an original that does not end: what it fails is known, and not to be waited for


class Init:
    """One init: how to call it, and how to run something below it."""

    def __init__(self, ident, place, helper):
        self.ident = ident
        self.ours = ident.startswith("ocirt-")
        self.name = ident.split("-", 1)[1]
        self.helper = helper
        self.most = 1000 if self.ours else PATIENCE
        if not self.ours:
            self.command = [shutil.which(self.name)]
        elif self.name == "native":
            self.command = [str(OCIRT), "init"]
        else:
            link = place / self.name
            if not link.exists():
                link.symlink_to(OCIRT)
            self.command = [str(link)]
        if self.command[0] is None:
            pytest.skip(f"{self.name} is not installed")

    def argv(self, *words, options=(), pid1=False):
        first = [self.helper, "pid1", "0", "0"] if pid1 else []
        return [*first, *self.command, *options, "--", *map(str, words)]

    def run(self, *words, options=(), pid1=False, before=(), timeout=10, **more):
        return subprocess.run([*map(str, before), *self.argv(*words, options=options, pid1=pid1)], timeout=min(timeout, self.most),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def raw(self, *words, timeout=10, env=None):
        return subprocess.run([*self.command, *words], timeout=min(timeout, self.most), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, env={**os.environ, **(env or {})})

    def group(self):
        return {"dumb-init": []}.get(self.name, ["-g"])

    def subreaper(self):
        return ["-s"] if self.name == "tini" else []


@pytest.fixture(scope="session")
def helper(tmp_path_factory):
    out = tmp_path_factory.mktemp("helper") / "helper"
    subprocess.run(["gcc", "-O1", "-static", "-o", out, HERE / "helper.c"], check=True)
    return str(out)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("names")


@pytest.fixture(params=ALL)
def init(request, place, helper):
    return Init(request.param, place, helper)


@pytest.fixture
def native(place, helper):
    return Init("ocirt-native", place, helper)


def known():
    for line in (HERE / "known.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.split("  ", 1)


def pytest_collection_modifyitems(items):
    rows = list(known())
    for item in items:
        for ident, reason in rows:
            name = f"{item.path.name}::{item.name}"
            if name == ident or (ident.endswith("*") and name.startswith(ident[:-1])):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=not reason.startswith("at times: "),
                                                  run=not reason.startswith("hangs: ")))


class Started:
    """An init in the background, below a recorder or anything that says "ready PID" first."""

    def __init__(self, init, words, options=(), pid1=False, **more):
        before = [init.helper, "pid1", "0", "-1"] if pid1 else []
        self.most = init.most
        if not init.ours:
            more.setdefault("env", {**os.environ, "PATIENCE": str(PATIENCE)})
        self.process = subprocess.Popen([*before, *init.command, *options, "--", *map(str, words)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, **more)
        self.pid = int(self.process.stderr.readline()) if pid1 else self.process.pid
        self.ready = self.process.stdout.readline()

    def kill(self, sig):
        os.kill(self.pid, sig)

    def end(self, timeout=10):
        out, err = self.process.communicate(timeout=min(timeout, self.most))
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            if self.pid != self.process.pid:
                os.kill(self.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()


@pytest.fixture
def started():
    return Started


def wait_for(what, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False
