"""The judgement: every check can fail, and does so alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deliveries.management.demo import figures, verdict
from deliveries.management.demo.figures import Latency
from deliveries.management.demo.verdict import Facts, PartnerFacts

QUIET = Latency(100, 10.0, 40.0)
PARTNER = PartnerFacts(
    "Aldgate", received=5, missing=0, repeated=0, out_of_order=0, longest_open_seconds=0.0, before=QUIET, outage=QUIET
)
GOOD = Facts(
    accepted=5,
    requests=5,
    partners=(PARTNER,),
    forged=0,
    unfinished=0,
    dead=0,
    unrecorded=0,
    unseen=0,
    unexplained=0,
    attempts={"http_200": 5},
    queues={"deliver": 1},
    restarts=0,
    healthy_before=QUIET,
    healthy_outage=QUIET,
    healthy_after=QUIET,
    drained_seconds=1.0,
)


def failing(facts: Facts) -> list[str]:
    return [check.text for check in verdict.judge(facts) if not check.holds]


def test_a_good_demo_passes_every_check() -> None:
    assert [check.text for check in verdict.judge(GOOD)] == [
        "5 events accepted, 5 deliveries owed, 0 missing",
        "both signatures verified on all 5 requests",
        "each request has its attempt on record: 0 unrecorded, 0 invented",
        "0 duplicates, 0 of them without a lost answer to explain it",
        "healthy six undisturbed: p99 40 ms before, 40 in the outage, 40 after",
    ]
    assert failing(GOOD) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(GOOD, accepted=0), "0 events accepted"),
        (replace(GOOD, partners=(replace(PARTNER, missing=1),)), "1 missing"),
        (replace(GOOD, unfinished=1), "0 missing"),
        (replace(GOOD, dead=1), "0 missing"),
        (replace(GOOD, forged=2), "verified on 3 of 5 requests"),
        (replace(GOOD, requests=0), "verified on all 0 requests"),
        (replace(GOOD, unrecorded=1), "1 unrecorded"),
        (replace(GOOD, unseen=1), "1 invented"),
        (replace(GOOD, unexplained=1), "1 of them without"),
        (replace(GOOD, healthy_outage=Latency(100, 10.0, 60.1)), "60 in the outage"),
        (replace(GOOD, healthy_before=Latency()), "undisturbed"),
        (replace(GOOD, healthy_outage=Latency()), "undisturbed"),
    ],
)
def test_each_fault_fails_exactly_its_own_check(facts: Facts, said: str) -> None:
    texts = failing(facts)
    assert len(texts) == 1
    assert said in texts[0]


@pytest.mark.parametrize(
    ("before", "during", "after", "undisturbed"),
    [
        (40.0, 60.0, 40.0, True),
        (40.0, 60.1, 40.0, False),
        (10.0, 50.0, 10.0, True),
        (10.0, 50.1, 10.0, False),
        (10.0, 60.0, 60.0, False),
    ],
)
def test_undisturbed_means_half_as_much_again_as_before_or_fifty_milliseconds(
    before: float, during: float, after: float, undisturbed: bool
) -> None:
    phases = [Latency(100, 1.0, p99) for p99 in (before, during, after)]
    facts = replace(GOOD, healthy_before=phases[0], healthy_outage=phases[1], healthy_after=phases[2])
    assert verdict.undisturbed(facts) is undisturbed


def test_after_a_fault_of_our_own_nothing_is_compared_with_the_time_after_it() -> None:
    facts = replace(GOOD, healthy_after=Latency())
    assert verdict.judge(facts)[-1].text == (
        "healthy six undisturbed: p99 40 ms before, 40 in the outage, until our fault"
    )


def test_duplicates_with_a_lost_answer_are_no_fault() -> None:
    assert failing(replace(GOOD, partners=(replace(PARTNER, repeated=3),))) == []


def test_a_latency_is_one_that_was_seen() -> None:
    assert figures.latency([float(one) for one in range(200, 0, -1)]) == Latency(200, 100.0, 198.0)
    assert figures.latency([7.0]) == Latency(1, 7.0, 7.0)
    assert figures.latency([]) == Latency()
