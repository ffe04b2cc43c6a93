"""People of the tests in the admin."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from webhooks.models import Organisation, User

_numbers = itertools.count(1)


def person(owner: Organisation | None, *, superuser: bool = False) -> User:
    """Return a member of staff with every permission there is, as a check that scoping does not rest on them."""
    user = User(
        username=f"person-{next(_numbers)}", organisation=owner, is_staff=True, is_superuser=superuser, password="!"
    )
    user.save()
    if not superuser:
        user.user_permissions.set(Permission.objects.all())
    return user


def browser(owner: Organisation | None, *, superuser: bool = False) -> Client:
    """Return a browser in which such a person has signed in."""
    client = Client()
    client.force_login(person(owner, superuser=superuser))
    return client


def page(model: type[Any], name: str, *arguments: Any) -> str:
    """Return the address of a model's page."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=arguments)


def text(client: Client, address: str) -> str:
    """Return what a page shows."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()
