"""ocirt, and Debian's crun and runc beside it, under real engines.  Needs root; see place.py.

    /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/engines            all engines, all runtimes
    … -k 'ocirt and exec' tests/engines/test_podman.py                       some cases under one runtime

OCIRT_ENGINES_OCIRT, _CRUN, _RUNC name other programs for a column.
"""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "commands")]
sys.dont_write_bytecode = True
collect_ignore = [] if os.environ.get("OCIRT_ENGINES_AS") else ["test_scope.py"]  # stage vm

from engine_docker import AsFound, Docker  # noqa: E402
from engine_podman import Podman, Rootless  # noqa: E402
from harness import sandbox  # noqa: E402
import place as places  # noqa: E402
import table  # noqa: E402


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    if config.option.collectonly or sandbox.inside():
        return None
    if os.geteuid() != 0:
        pytest.exit("the engines are run as root", 77)
    sys.stdout.flush()
    sandbox.enter([sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", *config.invocation_params.args])


def pytest_configure(config):
    config.addinivalue_line("markers", "patience(seconds): how long the case may take (60)")


def pytest_generate_tests(metafunc):
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", table.COLUMNS, indirect=True, scope="session")


@pytest.fixture(scope="session")
def place(request):
    os.umask(0o022)
    with places.engine(request.param, lambda: places.Place(request.param)) as it:
        yield it


# Engines that more than one file of cases uses


@pytest.fixture(scope="session")
def docker_session(place):
    with places.engine("docker", lambda: Docker(place)) as it:
        yield it


@pytest.fixture(scope="session")
def docker_found_session(place, docker_session):
    with places.engine("docker as found", lambda: AsFound(place, docker_session)) as it:
        yield it


@pytest.fixture(scope="session")
def podman_session(place):
    with places.engine("podman", lambda: Podman(place)) as it:
        yield it


@pytest.fixture(scope="session")
def rootless_session(place):
    with places.engine("rootless podman", lambda: Rootless(place)) as it:
        yield it


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """All cases of one runtime, then those of the next: one daemon and one storage a runtime.  A file's asked(column,
    case) says which of its cases a column has."""
    items[:] = [item for item in items if getattr(item.module, "asked", lambda *_: True)(column_of(item), case_of(item))]
    items.sort(key=lambda item: table.COLUMNS.index(column_of(item)))


def parameters(item):
    return item.callspec.params if hasattr(item, "callspec") else {}


def column_of(item):
    return parameters(item).get("place", "ocirt")


def case_of(item):
    """The name of the function, with the parameters that are not the column."""
    more = [str(value) for name, value in parameters(item).items() if name != "place"]
    return item.originalname + (f"[{'-'.join(more)}]" if more else "")


def short(report):
    """The last line of a failure that says something."""
    text = str(getattr(getattr(report.longrepr, "reprcrash", None), "message", report.longrepr))
    return " ".join(text.split())[:300]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    column = column_of(item)
    key = (item.path.name, case_of(item), column)
    if report.skipped:
        table.record(*key, "not possible", report.longrepr[2].removeprefix("Skipped: "))
    elif report.failed:
        table.record(*key, "FAIL", short(report))
        if column != "ocirt":  # a reference is there to be compared with, not to be tested
            report.outcome, report.wasxfail = "skipped", short(report)
    elif report.when == "call":
        table.record(*key, "ok")


def pytest_sessionfinish(session, exitstatus):
    if sandbox.inside() and exitstatus == 1 and not list(table.failures()):
        session.exitstatus = 0


def pytest_terminal_summary(terminalreporter):
    if not table.CELLS:
        return
    write = terminalreporter.write_line
    write("")
    for line in table.lines(table.COLUMNS, places.NOTES):
        write(line)
    for note in places.NOTES:
        write(f"skipped: {note}")
    for line in table.failures():
        write(line)
