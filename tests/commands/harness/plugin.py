"""The pytest side: sandbox, fixtures, the leak check of every test, marks and known failures.  A conftest imports all of it."""

import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

import pytest

from harness import inventory, known, layout, rootfs, runtime as runtimes, sandbox
from harness.bundle import Bundle

TESTS = Path(__file__).resolve().parents[2]
CHECKOUT = TESTS.parent
KNOWN = TESTS / "commands/known"
SESSION = {}
NOTES = []  # lines that tests want to be read at the end


def pytest_configure(config):
    # What nohup or a background job of a shell ignores, every process of the tests would ignore.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    config.addinivalue_line("markers", "ours: behaviour of ocirt alone; skipped for other runtimes")
    config.addinivalue_line("markers", "patience(seconds): how long the test may take (60)")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    if config.option.collectonly or sandbox.inside():
        return None
    if os.geteuid() != 0:
        pytest.exit("the black-box tests make containers and need root", 77)
    sys.stdout.flush()
    sandbox.enter([sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", *config.invocation_params.args])


def under_test():
    """The runtime named by OCIRT_RUNTIME, as a copy: a test must not be able to harm the original."""
    if "runtime" not in SESSION:
        name = os.environ.get("OCIRT_RUNTIME", str(CHECKOUT / "ocirt"))
        path = runtimes.find(name)
        if not path:
            pytest.exit(f"no runtime to test: {name} (set OCIRT_RUNTIME)", 2)
        work = Path("/run/tests")
        if sandbox.inside():
            (work / "bin").mkdir(parents=True)
            path = shutil.copy(path, work / "bin")
        SESSION["work"] = work
        SESSION["runtime"] = runtimes.Runtime(path, work, None if "crun" not in Path(path).name else layout.v1())
    return SESSION["runtime"]


def pytest_report_header(config):
    if sandbox.inside():
        return f"runtime: {os.environ.get('OCIRT_RUNTIME', './ocirt')}, {under_test().version.splitlines()[0]}"
    return None


def pytest_terminal_summary(terminalreporter):
    while NOTES:
        terminalreporter.write_line(NOTES.pop(0))


def pytest_collection_modifyitems(items):
    if not sandbox.inside():
        return
    rt = under_test()
    failures = {} if rt.ours else known.reasons(KNOWN / f"{rt.kind}.txt")
    for item in items:
        path, _, rest = item.nodeid.partition("::")
        name = f"{Path(path).name}::{rest}"
        if item.get_closest_marker("ours") and not rt.ours:
            item.add_marker(pytest.mark.skip(reason="behaviour of ocirt alone"))
        for pattern, reason in failures.items():
            if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=not reason.startswith("at times: ")))


def session():
    """Makes what all tests share, once."""
    if not Bundle.token:
        under_test()
        os.umask(0o022)
        Bundle.token = f"octest{secrets.token_hex(3)}"
        Bundle.shared_rootfs = rootfs.make(SESSION["work"] / "rootfs")
        shutil.copy(Bundle.shared_rootfs / "bin/probe", SESSION["work"] / "probe")


@pytest.fixture
def work(request):
    """A directory of the test's own; every folder above it can be searched by everybody."""
    session()
    SESSION["count"] = SESSION.get("count", 0) + 1
    path = SESSION["work"] / f"{SESSION['count']}"
    path.mkdir(mode=0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def runtime(work):
    return under_test().at(work)


@pytest.fixture
def bundle(runtime):
    return Bundle(runtime)


def give_up(*_):
    raise TimeoutError("the test takes too long")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs the test between two inventories; a leak fails it."""
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    if "work" not in pyfuncitem.funcargs:
        pyfuncitem.obj(**arguments)
        return True
    before = inventory.Inventory(pyfuncitem.funcargs["work"])
    patience = pyfuncitem.get_closest_marker("patience")
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(patience.args[0] if patience else 60)
    try:
        pyfuncitem.obj(**arguments)
    except BaseException:
        signal.alarm(0)
        before.leaks(grace=0)
        raise
    signal.alarm(0)
    leaks = before.leaks()
    if leaks:
        pytest.fail("the test leaves something behind:\n  " + "\n  ".join(leaks), pytrace=False)
    return True
