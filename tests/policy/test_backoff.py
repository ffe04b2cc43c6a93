"""When a failed delivery is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.policy import backoff
from deliveries.policy.backoff import Exhausted, RetryIn
from webhooks.policy import retry_policies
from webhooks.policy.retry_policies import PRESETS, Jitter, Policy

HOUR = 3600.0
DAY = 24 * HOUR
ALMOST_ONE = 1.0 - 2**-53

draws = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)
delay_lists = st.lists(st.floats(min_value=0.0, max_value=DAY), min_size=1, max_size=50)
policies = st.builds(lambda delays, jitter: Policy(tuple(delays), jitter), delay_lists, st.sampled_from(Jitter))


def test_the_standard_policy_has_ten_attempts_over_three_days() -> None:
    policy = PRESETS["standard"]
    hours = [delay / HOUR for delay in policy.delays[4:]]
    assert policy.delays[:4] == (0.0, 5.0, 300.0, 1800.0)
    assert hours == [2, 5, 10, 14, 20, 24]
    assert policy.jitter is Jitter.TWENTY_PERCENT
    assert policy.attempts == 10


def test_the_argus_policy_tries_again_three_times_doubling_from_ten_seconds() -> None:
    assert PRESETS["argus"] == Policy((0, 10, 20, 40), Jitter.FULL)


def test_the_axle_policy_tries_again_five_times_doubling_from_two_seconds() -> None:
    assert PRESETS["axle"] == Policy((0, 2, 4, 8, 16, 32), Jitter.FULL, deadline_seconds=10)


def test_the_spektr_policy_tries_again_three_times_after_one_exact_second() -> None:
    assert PRESETS["spektr"] == Policy((0, 1, 1, 1), Jitter.NONE, success_statuses=(200,))


def test_exponential_delays_start_at_once_and_double_from_the_first_retry_on() -> None:
    assert retry_policies.exponential(3.0, 4) == (0.0, 3.0, 6.0, 12.0, 24.0)
    assert retry_policies.exponential(3.0, 0) == (0.0,)


@pytest.mark.parametrize(
    ("jitter", "random", "seconds"),
    [
        (Jitter.NONE, 0.0, 100.0),
        (Jitter.NONE, 0.9, 100.0),
        (Jitter.TWENTY_PERCENT, 0.0, 80.0),
        (Jitter.TWENTY_PERCENT, 0.5, 100.0),
        (Jitter.EQUAL, 0.0, 50.0),
        (Jitter.EQUAL, 0.5, 75.0),
        (Jitter.FULL, 0.0, 10.0),
        (Jitter.FULL, 0.5, 55.0),
    ],
)
def test_a_draw_of_chance_moves_the_delay_within_its_jitter(jitter: Jitter, random: float, seconds: float) -> None:
    following = backoff.next_delay(Policy((0.0, 100.0), jitter), charged=1, random=random)
    assert isinstance(following, RetryIn)
    assert following.seconds == pytest.approx(seconds)


def test_the_nth_failure_waits_the_nth_delay() -> None:
    policy = Policy((0.0, 1.0, 2.0, 3.0), Jitter.NONE)
    waits = [backoff.next_delay(policy, charged=charged, random=0.0) for charged in range(5)]
    assert waits == [RetryIn(0.0), RetryIn(1.0), RetryIn(2.0), RetryIn(3.0), Exhausted()]


def test_a_partner_may_ask_for_a_longer_delay() -> None:
    policy = Policy((0.0, 10.0), Jitter.NONE)
    assert backoff.next_delay(policy, charged=1, random=0.0, at_least_seconds=90.0) == RetryIn(90.0)


def test_a_partner_cannot_ask_for_a_shorter_delay() -> None:
    policy = Policy((0.0, 10.0), Jitter.NONE)
    assert backoff.next_delay(policy, charged=1, random=0.0, at_least_seconds=0.5) == RetryIn(10.0)


def test_asking_for_a_delay_does_not_prolong_a_spent_budget() -> None:
    policy = Policy((0.0, 10.0), Jitter.NONE)
    assert backoff.next_delay(policy, charged=2, random=0.0, at_least_seconds=90.0) == Exhausted()


@given(policy=policies, charged=st.integers(min_value=-1, max_value=60), random=draws)
def test_a_budget_is_spent_exactly_after_its_attempts(policy: Policy, charged: int, random: float) -> None:
    spent = backoff.next_delay(policy, charged=charged, random=random) == Exhausted()
    assert spent is (charged >= policy.attempts)


@given(policy=policies, random=draws, asked=st.floats(min_value=0.0, max_value=DAY), data=st.data())
def test_a_delay_is_never_shorter_than_asked_nor_longer_than_the_jitter_allows(
    policy: Policy, random: float, asked: float, data: st.DataObject
) -> None:
    charged = data.draw(st.integers(min_value=0, max_value=policy.attempts - 1))
    following = backoff.next_delay(policy, charged=charged, random=random, at_least_seconds=asked)
    nominal = policy.delays[charged]
    least, most = {
        Jitter.NONE: (1.0, 1.0),
        Jitter.TWENTY_PERCENT: (0.8, 1.2),
        Jitter.EQUAL: (0.5, 1.0),
        Jitter.FULL: (0.1, 1.0),
    }[policy.jitter]
    assert isinstance(following, RetryIn)
    assert following.seconds >= asked
    assert following.seconds >= nominal * least * (1 - 1e-12)
    assert following.seconds <= max(asked, nominal * most * (1 + 1e-12))


@given(policy=policies, draw=st.sampled_from([0.0, 0.5, ALMOST_ONE]))
def test_no_run_of_chance_takes_longer_than_the_policy_says(policy: Policy, draw: float) -> None:
    waits = [backoff.next_delay(policy, charged=charged, random=draw) for charged in range(policy.attempts)]
    total = sum(wait.seconds for wait in waits if isinstance(wait, RetryIn))
    assert total <= policy.longest_seconds * (1 + 1e-9)


def test_only_a_twenty_percent_jitter_makes_the_longest_time_longer() -> None:
    assert Policy((0.0, 10.0, 20.0), Jitter.NONE).longest_seconds == 30.0
    assert Policy((0.0, 10.0, 20.0), Jitter.FULL).longest_seconds == 30.0
    assert Policy((0.0, 10.0, 20.0), Jitter.TWENTY_PERCENT).longest_seconds == pytest.approx(36.0)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_sends_at_once_and_ends_within_a_week(name: str) -> None:
    assert PRESETS[name].delays[0] == 0.0
    assert PRESETS[name].longest_seconds < 7 * DAY
