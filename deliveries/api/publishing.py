"""From a body to committed events and the answer that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from deliveries import publish
from deliveries.api.event_form import Submission
from webhooks.api.problems import Code, Fault, Problem
from webhooks.models import Organisation


@dataclass(frozen=True, slots=True)
class Answer:
    """What the producer is told: 202 for anything new, 200 when all of it was accepted before."""

    status: int
    document: dict[str, Any]


def accept(organisation: Organisation, submission: Submission) -> Answer:
    """Commit the events, all or none; raises `Problem`, and the database's own error when nothing was committed."""
    try:
        accepted = _committed(organisation, submission)
    except publish.PublishError as error:
        raise _refusal(error, submission) from error
    shown = [{"id": str(one.uuid), "duplicate": one.duplicate} for one in accepted]
    status = 200 if all(one.duplicate for one in accepted) else 202
    return Answer(status, {"events": shown} if submission.batch else shown[0])


def _committed(organisation: Organisation, submission: Submission) -> list[publish.Accepted]:
    if not submission.batch:
        return _accepted(publish.publish_many(organisation, submission.events), submission)
    # A conflict takes the whole batch back, so that a corrected batch can be sent again as one.
    with transaction.atomic():
        return _accepted(publish.publish_many(organisation, submission.events), submission)


def _accepted(results: list[publish.Accepted | publish.Conflict], submission: Submission) -> list[publish.Accepted]:
    faults = [
        Fault(
            f"This id stands for event {result.uuid}, which has other content.", _pointer(submission, position, "/id")
        )
        for position, result in enumerate(results)
        if isinstance(result, publish.Conflict)
    ]
    if faults:
        raise Problem(Code.ID_CONFLICT, faults=faults)
    return [result for result in results if isinstance(result, publish.Accepted)]


def _refusal(error: publish.PublishError, submission: Submission) -> Problem:
    code = Code.TOO_LARGE if isinstance(error, publish.DataTooLarge) else Code.INVALID
    return Problem(code, faults=[Fault(str(error), _pointer(submission, error.position, error.pointer))])


def _pointer(submission: Submission, position: int, pointer: str) -> str:
    return f"/events/{position}{pointer}" if submission.batch else pointer
