"""What the real database promises about the ledger's tables."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL

from deliveries.models import Attempt, CircuitTransition, Delivery, Event, IdempotencyKey, OutboxEntry, Sequence
from deliveries.policy import lifecycle
from tests.architecture.project import python_files
from webhooks.models import Endpoint
from webhooks.policy import endpoint_lifecycle

LEDGER = {
    model._meta.db_table
    for model in (Attempt, CircuitTransition, Delivery, Event, IdempotencyKey, OutboxEntry, Sequence)
}
STATES = {state.value for state in (*lifecycle.State, *endpoint_lifecycle.State)}
# How SQL in this project speaks of states: `state = 'x'`, `state IN ('x', 'y')`, `THEN 'x' ELSE 'y' END`.
STATE_LITERALS = re.compile(
    r"\bstate (?:=|<>|IN) \(?((?:'\w+'(?:, )?)+)|\bstate = CASE WHEN .* THEN ('\w+') ELSE ('\w+')"
)

pytestmark = pytest.mark.django_db


def definition(table: str, constraint: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s",
            [table, constraint],
        )
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def literals(sql: str) -> set[str]:
    return set(re.findall(r"'(\w+)'", sql))


def ties_within_the_ledger() -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
        )
        return {(table, other) for table, other in cursor.fetchall() if table in LEDGER and other in LEDGER}


def test_the_migrations_say_what_the_models_say() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_no_migration_of_ours_needs_an_extension() -> None:
    migrations = MigrationLoader(connection).disk_migrations.values()
    operations = [op for migration in migrations for op in migration.operations]
    assert len(operations) > 50
    assert [type(op).__name__ for op in operations if "Extension" in type(op).__name__] == []
    assert [op.sql for op in operations if isinstance(op, RunSQL) and "extension" in str(op.sql).lower()] == []


def test_the_database_knows_exactly_the_states_of_a_delivery() -> None:
    assert literals(definition(Delivery._meta.db_table, "delivery_state_known")) == set(lifecycle.State)


def test_the_database_knows_exactly_the_states_of_an_endpoint() -> None:
    assert literals(definition(Endpoint._meta.db_table, "endpoint_state_known")) == set(endpoint_lifecycle.State)


def test_a_reason_and_an_end_are_demanded_exactly_of_terminal_states() -> None:
    assert literals(definition(Delivery._meta.db_table, "delivery_reasoned_exactly_when_finished")) == set(
        lifecycle.LIVE
    )


def test_a_lease_is_demanded_exactly_while_sending() -> None:
    sending = {lifecycle.State.SENDING}
    assert literals(definition(Delivery._meta.db_table, "delivery_leased_exactly_while_sending")) == sending


def test_one_live_delivery_of_an_event_is_counted_over_exactly_the_live_states() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'delivery_live_once'")
        ((sql,),) = cursor.fetchall()
    assert literals(sql) == set(lifecycle.LIVE)


def test_an_unknown_state_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError, match="delivery_state_known"), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO deliveries_delivery (
                uuid, organisation_id, endpoint_id, event_id, accepted_at, replay_id, state, reason, next_attempt_at,
                created_at, finished_at
            )
            SELECT u, u, u, 1, now(), u, 'held', 'by_hand', now(), now(), now()
            FROM (SELECT gen_random_uuid() AS u) AS one
            """
        )


def test_sql_speaks_only_of_states_that_exist() -> None:
    spoken = set()
    for path in python_files("deliveries", "webhooks"):
        for groups in STATE_LITERALS.findall(path.read_text(encoding="utf-8")):
            spoken |= literals(" ".join(groups))
    assert {"pending", "sending", "active", "dead"} <= spoken
    assert spoken <= STATES


def test_the_choices_of_a_delivery_are_the_states_and_reasons_of_its_lifecycle() -> None:
    choices = {field.name: [value for value, _ in field.choices or ()] for field in Delivery._meta.concrete_fields}
    assert choices["state"] == list(lifecycle.State)
    assert choices["reason"] == [reason for reason in lifecycle.Reason if reason]


def test_no_foreign_key_ties_the_ledgers_tables_together() -> None:
    assert ties_within_the_ledger() == set()


def test_a_foreign_key_within_the_ledger_would_be_noticed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE deliveries_attempt ADD FOREIGN KEY (delivery_id) REFERENCES deliveries_delivery")
    assert ties_within_the_ledger() == {("deliveries_attempt", "deliveries_delivery")}


def test_every_table_of_deliveries_is_looked_at() -> None:
    models = apps.get_app_config("deliveries").get_models()
    assert {model._meta.db_table for model in models if not model._meta.proxy} == LEDGER
