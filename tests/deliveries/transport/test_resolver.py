"""Name lookups that hang, fail, pile up."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken
from deliveries.transport.resolver import ThreadedResolver, system_lookup


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Holds lookups until it is set; set at the end, so that no thread outlives the test by much."""
    event = threading.Event()
    yield event
    event.set()


def test_the_addresses_come_back_in_the_order_of_the_answer() -> None:
    resolver = ThreadedResolver(lambda host: (f"192.0.2.{len(host)}", "192.0.2.1"))
    assert resolver("example.com", 5) == ("192.0.2.11", "192.0.2.1")


def test_the_system_knows_its_loopback_name_once_per_address() -> None:
    addresses = system_lookup("localhost")
    assert "127.0.0.1" in addresses
    assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_name_that_does_not_resolve_is_a_dns_failure(error: Exception) -> None:
    def lookup(host: str) -> tuple[str, ...]:
        raise error

    resolver = ThreadedResolver(lookup)
    for _ in range(2):
        with pytest.raises(Broken) as broken:
            resolver("nowhere.example", 5)
        assert broken.value.failure is Failure.DNS_FAILURE


def test_a_lookup_that_hangs_is_given_up_at_the_deadline(release: threading.Event) -> None:
    def lookup(host: str) -> tuple[str, ...]:
        release.wait()
        return ("192.0.2.1",)

    resolver = ThreadedResolver(lookup)
    with pytest.raises(Broken) as broken:
        resolver("slow.example", 0.05)
    assert broken.value.failure is Failure.DNS_TIMEOUT
    release.set()
    assert resolver("slow.example", 5) == ("192.0.2.1",)


def test_hanging_lookups_are_bounded_and_the_next_name_fails_at_once(release: threading.Event) -> None:
    started = threading.Semaphore(0)

    def lookup(host: str) -> tuple[str, ...]:
        started.release()
        release.wait()
        return ("192.0.2.1",)

    resolver = ThreadedResolver(lookup, max_outstanding=2)
    for host in ("a.example", "b.example"):
        with pytest.raises(Broken):
            resolver(host, 0.01)
        assert started.acquire(timeout=5)
    with pytest.raises(Broken) as broken:
        resolver("c.example", 60)
    assert broken.value.failure is Failure.DNS_BUSY
    release.set()
    assert resolver("a.example", 5) == ("192.0.2.1",)


def test_a_machine_without_a_thread_to_give_fails_the_lookup_and_not_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    resolver = ThreadedResolver(lambda host: ("192.0.2.1",))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Broken) as broken:
            resolver("example.com", 5)
    assert broken.value.failure is Failure.LOCAL_RESOURCES
    assert resolver("example.com", 5) == ("192.0.2.1",)


def test_everyone_who_asks_for_a_name_under_way_shares_its_lookup(release: threading.Event) -> None:
    asked: list[str] = []

    def lookup(host: str) -> tuple[str, ...]:
        asked.append(host)
        release.wait()
        return ("192.0.2.1",)

    resolver = ThreadedResolver(lookup)
    for _ in range(5):
        with pytest.raises(Broken):
            resolver("shared.example", 0.01)
    assert asked == ["shared.example"]
    release.set()
    assert resolver("shared.example", 5) == ("192.0.2.1",)
