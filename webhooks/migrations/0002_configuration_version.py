"""Raise an organisation's configuration version with every change to what fan-out reads, raw SQL included."""

from __future__ import annotations

from django.db import migrations

FUNCTION = """
CREATE FUNCTION webhooks_raise_configuration_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE webhooks_organisation SET configuration_version = configuration_version + 1
    WHERE id IN (SELECT organisation_id FROM changed);
    RETURN NULL;
END $$;
"""
DROP_FUNCTION = "DROP FUNCTION webhooks_raise_configuration_version();"
TABLES = ("webhooks_endpoint", "webhooks_subscription", "webhooks_eventtype")
# A trigger with a transition table may have one event only.
EVENTS = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}


def create(table: str, event: str, rows: str) -> migrations.RunSQL:
    """Return the operation that adds one statement-level trigger."""
    name = f"configuration_version_{event.lower()}"
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {rows} TABLE AS changed "
        "FOR EACH STATEMENT EXECUTE FUNCTION webhooks_raise_configuration_version();",
        f"DROP TRIGGER {name} ON {table};",
    )


class Migration(migrations.Migration):
    """The function and nine triggers."""

    dependencies = [("webhooks", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, DROP_FUNCTION),
        *(create(table, event, rows) for table in TABLES for event, rows in EVENTS.items()),
    ]
