"""What a fresh installation starts with: an organisation, a person, API clients and endpoints on this machine."""

from __future__ import annotations

import itertools
import random
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from config.stack import environment, exceptions, ports
from webhooks.models import Application, Endpoint, Organisation, SigningSecret, User
from webhooks.policy.endpoint_lifecycle import State
from webhooks.policy.scopes import SCOPES
from webhooks.services import clients, endpoints, subscriptions

ORGANISATION = "demo"
LOGIN = "admin"
RECEIVER = "demo-receiver"
EVERYTHING = "*"

# Long enough for a day's work with the printed curl; a new one is printed with every start.
TOKEN_LIFE = timedelta(days=1)

CLIENT = "Demo client"
TRAFFIC_SCOPES = ("events:write",)
CURL_SCOPES = "events:write deliveries:read"


@dataclass(frozen=True, slots=True)
class Client:
    """An API client with its secret, which is stored hashed and so can be told only now."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receiver:
    """An endpoint on this machine: its row, the port behind its URL, and the secret its partner verifies with."""

    endpoint_id: uuid.UUID
    name: str
    port: int
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is told once: the person's password and the client."""

    password: str = field(repr=False)
    client: Client


def first_start() -> Credentials | None:
    """Create what a first start needs, whole or not at all; None when it is there already."""
    with transaction.atomic():
        if Organisation.objects.filter(slug=ORGANISATION).exists():
            return None
        organisation = Organisation.objects.create(name="Demo", slug=ORGANISATION)
        call_command("seed_catalogue", verbosity=0)
        password = secrets.token_urlsafe(12)
        if not User.objects.filter(username=LOGIN).exists():
            User.objects.create_superuser(username=LOGIN, email="", password=password)
        else:  # somebody made this login before: theirs is the password
            password = ""
        add_endpoint(organisation, "Demo receiver", _free_port(), uid=RECEIVER)
        return Credentials(password, new_client(organisation, CLIENT, list(SCOPES)))


def organisation() -> Organisation:
    """Return the demo organisation."""
    return Organisation.objects.get(slug=ORGANISATION)


def add_organisation() -> Organisation:
    """Create the demo organisation alone."""
    return Organisation.objects.create(name="Demo", slug=ORGANISATION)


def add_endpoint(owner: Organisation, name: str, port: int, *, uid: str = "") -> Receiver:
    """Create an active endpoint on loopback that subscribes to everything."""
    created = endpoints.create(organisation=owner, name=name, url=_url(port), uid=uid)
    endpoints.move(endpoint_id=created.endpoint.id, to=State.ACTIVE, reason="the demo's own receiver")
    subscriptions.create(endpoint=created.endpoint, event_types=[EVERYTHING])
    return Receiver(created.endpoint.id, name, port, created.secret.reveal())


def receiver(owner: Organisation) -> Receiver | None:
    """Return the demo's receiver on a port that is free now, moving its URL if need be.

    None if somebody has removed it or pointed it elsewhere: what people changed is theirs.
    """
    found = Endpoint.objects.filter(organisation=owner, uid=RECEIVER).exclude(state=State.DELETED.value).first()
    port = _port(found.url) if found is not None else None
    if found is None or port is None:
        return None
    secret = SigningSecret.objects.live().filter(endpoint=found).order_by("-created_at").first()
    if secret is None:
        return None
    if not ports.is_free(port):
        port = _free_port()
        endpoints.update(endpoint_id=found.id, fields={"url": _url(port)})
    return Receiver(found.id, found.name, port, secret.reveal().reveal())


def new_client(owner: Organisation, name: str, scopes: Sequence[str]) -> Client:
    """Create a client of that name in place of an earlier one: its secret cannot be told twice, and its tokens go."""
    Application.objects.filter(organisation=owner, name=name).delete()
    created = clients.create(organisation=owner, name=name, scopes=scopes)
    return Client(created.client.client_id, created.secret.reveal())


def token(owner: Organisation) -> str | None:
    """Return a fresh access token of the demo client for the printed curl; None if somebody removed the client."""
    client = Application.objects.filter(organisation=owner, name=CLIENT).first()
    if client is None:
        return None
    text = secrets.token_urlsafe(24)
    issued = AccessToken(application=client, scope=CURL_SCOPES, expires=timezone.now() + TOKEN_LIFE)
    set_token_value(issued, text)  # only its digest is stored
    issued.save()
    return text


def free_ports(count: int) -> Sequence[int]:
    """Return ports for receivers on which nobody listens now; raises `StackError` when there are not enough.

    Drawn by chance, because they are only listened on a moment later: two commands that start at once would otherwise
    both choose the first.
    """
    first, last = environment.RECEIVERS_FIRST_PORT, environment.RECEIVERS_LAST_PORT
    drawn = random.sample(range(first, last + 1), last + 1 - first)
    found = list(itertools.islice(filter(ports.is_free, drawn), count))
    if len(found) < count:
        raise exceptions.StackError(f"The demo's receivers need {count} free ports from {first} to {last}.")
    return found


def _free_port() -> int:
    return free_ports(1)[0]


def _url(port: int) -> str:
    return f"http://{ports.LOOPBACK}:{port}/webhooks"


def _port(url: str) -> int | None:
    """The port of a URL that we made; None for any other."""
    candidates = range(environment.RECEIVERS_FIRST_PORT, environment.RECEIVERS_LAST_PORT + 1)
    return next((port for port in candidates if _url(port) == url), None)
