"""Podman: what people do with it, and what it asks of a runtime."""

import pytest

from engine_podman import Podman
from place import engine, eventually, not_possible

NET = ("--network", "none")


@pytest.fixture(scope="session")
def podman_session(place):
    with engine("podman", lambda: Podman(place)) as it:
        yield it


@pytest.fixture
def podman(podman_session):
    yield podman_session
    podman_session.clear()


def test_info_shows_the_runtime(podman):
    assert podman("info", "--format", "{{.Host.OCIRuntime.Name}}") == podman.place.name
    assert f"{podman.place.name} version" in podman("info", "--format", "{{.Host.OCIRuntime.Version}}")


def test_run_output_and_exit_status(podman):
    assert podman("run", "--rm", *NET, "bb", "echo", "hi") == "hi"
    assert podman("run", "--rm", *NET, "bb", "sh", "-c", "echo out; echo err >&2; exit 7", code=7) == "out"


def test_detached_and_stop(podman):
    name = podman("run", "-d", *NET, "bb", "sleep", "1000")
    assert podman.inspect(name, ".State.Status") == "running"
    podman("stop", "-t", "0", name)
    assert podman.inspect(name, ".State.Status") == "exited"
    assert podman.inspect(name, ".State.ExitCode") == "137"
    podman("rm", name)


def test_zz_nothing_is_left(podman):
    podman.clear()
    assert podman.place.leaks(podman.ids()) == []
