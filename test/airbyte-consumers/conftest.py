"""What every check has: a tenant of its own, a bound in time, and no network but this machine's."""

import signal
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from tenant import Tenant, serve_tenant

SECONDS = 120


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with serve_tenant() as tenant:
        yield tenant


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Some of what is called here waits for a process without an end of its own."""

    def give_up(*_: Any) -> None:
        raise TimeoutError(f"took more than {SECONDS} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)


def refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    """PyAirbyte knows registries and services for its reports; none may be called."""
    if event == "socket.getaddrinfo":
        assert is_here(str(arguments[0])), f"asks for the address of {arguments[0]}"
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        assert is_here(str(arguments[1][0])), f"connects to {arguments[1][0]}"


def is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


sys.addaudithook(refuse_other_machines)
