"""Signatures against published vectors, the official library, and plain HMAC."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st

from deliveries.policy import signing
from deliveries.policy.signing import SecretUnusable, Signer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLDER = "whsec_" + base64.b64encode(b"an older secret of 32 bytes here").decode()
MOMENT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
PUBLISHED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def sign(*profiles: str, secrets: tuple[str, ...] = (SECRET,), body: bytes = BODY) -> dict[str, str]:
    return signing.headers(
        profiles,
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=MOMENT,
        body=body,
        secrets=secrets,
        delivery_id="7f3c",
    )


def hex_hmac(key: str, content: bytes) -> str:
    return hmac.new(key.encode(), content, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(("profile", "prefix"), [("standard", "webhook"), ("svix", "svix")])
def test_the_published_standard_webhooks_vector_is_reproduced(profile: str, prefix: str) -> None:
    assert sign(profile) == {
        f"{prefix}-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        f"{prefix}-timestamp": "1614265330",
        f"{prefix}-signature": PUBLISHED,
    }


def test_githubs_published_vector_is_reproduced() -> None:
    made = sign("github", secrets=("It's a Secret to Everybody",), body=b"Hello, World!")
    assert made == {"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}


def test_argus_signs_the_body_with_the_secret_as_shown() -> None:
    assert sign("argus") == {"X-Argus-Signature": f"sha256={hex_hmac(SECRET, BODY)}"}


def test_axle_names_the_delivery_and_its_own_agent() -> None:
    assert sign("axle") == {
        "X-Signature": f"sha256={hex_hmac(SECRET, BODY)}",
        "X-Delivery-ID": "7f3c",
        "User-Agent": "Hikari-Webhook/1.0",
    }


def test_stripe_joins_the_moment_and_one_signature_per_secret() -> None:
    content = b"1614265330." + BODY
    assert sign("stripe", secrets=(SECRET, OLDER)) == {
        "Stripe-Signature": f"t=1614265330,v1={hex_hmac(SECRET, content)},v1={hex_hmac(OLDER, content)}"
    }


def test_slack_signs_version_moment_and_body() -> None:
    assert sign("slack") == {
        "X-Slack-Request-Timestamp": "1614265330",
        "X-Slack-Signature": f"v0={hex_hmac(SECRET, b'v0:1614265330:' + BODY)}",
    }


def test_profiles_add_up() -> None:
    assert sign("argus", "standard", "github") == sign("argus") | sign("standard") | sign("github")


def test_several_live_secrets_sign_newest_first_between_single_spaces() -> None:
    newest_first = sign("standard", secrets=(OLDER, SECRET))["webhook-signature"]
    assert newest_first == f"{sign('standard', secrets=(OLDER,))['webhook-signature']} {PUBLISHED}"


@pytest.mark.parametrize("profile", ["argus", "axle", "github", "slack"])
def test_a_profile_with_one_value_signs_with_the_first_secret_alone(profile: str) -> None:
    assert sign(profile, secrets=(SECRET, OLDER)) == sign(profile, secrets=(SECRET,))


@given(st.text(max_size=200).map(str.encode), st.integers(24, 64))
def test_the_official_library_accepts_every_signature_with_either_live_secret(body: bytes, size: int) -> None:
    newer = "whsec_" + base64.b64encode(bytes(range(size))).decode()
    made = Signer.of(["standard"], [newer, SECRET]).headers(
        message_id="evt", timestamp=datetime.now(UTC), body=body, delivery_id=""
    )
    for secret in (newer, SECRET):
        standardwebhooks.Webhook(secret).verify(body, made, json_parse=False)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OLDER).verify(body, made, json_parse=False)


def test_fractions_of_a_second_are_not_sent() -> None:
    made = Signer.of(["standard"], [SECRET]).headers(
        message_id="m", timestamp=MOMENT.replace(microsecond=999_999), body=b"", delivery_id=""
    )
    assert made["webhook-timestamp"] == "1614265330"


@pytest.mark.parametrize("secret", ["whsec_not base64!", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_ü", "whsec_"])
def test_a_secret_that_does_not_decode_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(SecretUnusable) as refusal:
        Signer.of(["standard"], [secret])
    assert secret not in str(refusal.value)
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__


def test_signing_without_a_secret_is_refused() -> None:
    with pytest.raises(SecretUnusable):
        Signer.of(["argus"], [])
    with pytest.raises(SecretUnusable):
        Signer.of(["argus"], [""])


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(KeyError):
        Signer.of(["rot13"], [SECRET])


def test_a_signer_never_shows_its_keys() -> None:
    shown = repr(Signer.of(["argus", "standard"], [SECRET]))
    assert SECRET not in shown
    assert "key" not in shown
    assert "b'" not in shown
