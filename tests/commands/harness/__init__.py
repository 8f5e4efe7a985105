"""What the black-box tests stand on: a sandbox, the runtime under test, bundles, containers, the inventory of leaks."""

from harness.bundle import Bundle
from harness.container import Container
from harness.runtime import Result, Runtime

__all__ = ["Bundle", "Container", "Result", "Runtime"]
