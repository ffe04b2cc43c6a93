"""What a first start finds, and what a later one keeps."""

from __future__ import annotations

import socket

import pytest
from oauth2_provider.models import AccessToken

from config.stack import environment, exceptions, ports
from deliveries.management.demo import seed, welcome
from webhooks.models import Application, Endpoint, EventType, Organisation, User
from webhooks.policy.endpoint_lifecycle import State

pytestmark = pytest.mark.django_db


def test_a_first_start_makes_everything_and_the_next_makes_nothing() -> None:
    first = seed.first_start()
    assert first is not None
    person = User.objects.get(username=seed.LOGIN)
    assert person.is_superuser
    assert person.check_password(first.password)
    assert Application.objects.get(client_id=first.client.id).organisation == seed.organisation()
    assert EventType.objects.filter(name="case.escalated").exists()
    assert Endpoint.objects.get().state == State.ACTIVE.value

    assert seed.first_start() is None
    assert Endpoint.objects.count() == Organisation.objects.count() == 1


def test_nothing_of_what_is_told_once_can_be_read_later() -> None:
    first = seed.first_start()
    assert first is not None
    token = seed.token(seed.organisation())
    assert token
    assert first.client.secret not in Application.objects.get(client_id=first.client.id).client_secret
    assert token not in AccessToken.objects.get().token
    assert first.password not in repr(first)
    assert first.client.secret not in repr(first)


def test_a_login_that_was_there_before_keeps_its_password() -> None:
    User.objects.create_superuser(username=seed.LOGIN, email="", password="mine")
    first = seed.first_start()
    assert first is not None
    assert User.objects.get().check_password("mine")
    assert "password " not in "".join(welcome.lines(port=8000, first=first, token=None)).replace("changepassword", "")


def test_the_receiver_keeps_its_port_while_it_is_free_and_moves_when_it_is_taken() -> None:
    seed.first_start()
    owner = seed.organisation()
    before = seed.receiver(owner)
    assert before == seed.receiver(owner)
    assert before is not None

    with socket.create_server((ports.LOOPBACK, before.port)):
        moved = seed.receiver(owner)
    assert moved is not None
    assert moved.port != before.port
    assert environment.RECEIVERS_FIRST_PORT <= moved.port <= environment.RECEIVERS_LAST_PORT
    assert Endpoint.objects.get().url == f"http://127.0.0.1:{moved.port}/webhooks"
    assert moved.secret == before.secret


@pytest.mark.parametrize("url", ["http://127.0.0.1:29999/webhooks", "https://partner.example/hook"])
def test_an_endpoint_that_somebody_pointed_elsewhere_is_left_alone(url: str) -> None:
    seed.first_start()
    Endpoint.objects.update(url=url)
    assert seed.receiver(seed.organisation()) is None
    assert Endpoint.objects.get().url == url


def test_a_receiver_or_client_that_somebody_removed_stays_away() -> None:
    seed.first_start()
    owner = seed.organisation()
    Endpoint.objects.update(state=State.DELETED.value)
    Application.objects.all().delete()
    assert seed.receiver(owner) is None
    assert seed.token(owner) is None
    assert "curl" not in "".join(welcome.lines(port=8000, first=None, token=None))


def test_a_new_client_takes_the_place_of_the_earlier_one_with_its_tokens() -> None:
    owner = seed.add_organisation()
    earlier = seed.new_client(owner, seed.CLIENT, ("events:write",))
    seed.token(owner)
    later = seed.new_client(owner, seed.CLIENT, ("events:write",))
    assert later.id != earlier.id
    assert list(Application.objects.values_list("client_id", flat=True)) == [later.id]
    assert not AccessToken.objects.exists()


def test_ports_are_drawn_so_that_two_who_start_at_once_hardly_meet() -> None:
    draws = {tuple(seed.free_ports(7)) for _ in range(5)}
    assert len(draws) == 5
    assert all(len(set(draw)) == 7 for draw in draws)


def test_too_few_ports_are_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "RECEIVERS_LAST_PORT", environment.RECEIVERS_FIRST_PORT + 1)
    with pytest.raises(exceptions.StackError, match=r"need 7 free ports from 20000 to 20001\.$"):
        seed.free_ports(7)


@pytest.mark.parametrize("told", [True, False])
def test_the_welcome_fits_80_columns(told: bool) -> None:
    first = seed.first_start()
    lines = list(welcome.lines(port=65535, first=first if told else None, token=seed.token(seed.organisation())))
    assert [line for line in lines if len(line) > 80] == []
