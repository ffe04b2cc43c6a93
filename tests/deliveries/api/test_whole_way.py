"""The whole way through the front door: configured, published, delivered and read by API alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from deliveries import fanout, lane
from tests.receiver import Receiver
from tests.webhooks.clients import Api
from webhooks.models import Endpoint, Organisation

AMOUNT = b'{"amount":100.10,"big":12345678901234567.89}'


def test_what_is_published_by_api_arrives_signed_with_the_secret_shown_and_is_accounted_for(
    acme: Organisation, receiver: Receiver, run: Callable[[Endpoint], lane.Next]
) -> None:
    alice = Api(acme)
    made = alice.post("/endpoints", {"name": "Partner", "url": receiver.url("/hook")}).json()
    activation = {"override": True, "reason": "a partner on loopback"}
    assert alice.post(f"/endpoints/{made['id']}/activate", activation).status_code == 200
    alice.post("/subscriptions", {"endpoint_id": made["id"], "event_types": ["transaction.*"]})
    event = alice.post("/events", b'{"event":"transaction.flagged","data":%b}' % AMOUNT).json()["id"]
    fanout.fan_out_chunk(acme.id)
    run(Endpoint.objects.get())

    [request] = receiver.wait_for("/hook")
    headers = {name.lower(): value for name, value in request.headers}
    assert b'"data":' + AMOUNT + b"}" in request.body
    digest = hmac.new(made["secret"].encode(), request.body, hashlib.sha256).hexdigest()
    assert headers["x-argus-signature"] == f"sha256={digest}"
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    standard = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{standard}"

    [delivery] = alice.get(f"/events/{event}/deliveries").json()["data"]
    assert (delivery["id"], delivery["status"]) == (headers["x-argus-delivery"], "delivered")
    [attempt] = alice.get(f"/deliveries/{delivery['id']}").json()["attempts"]
    assert (attempt["id"], attempt["http_status"]) == (headers["x-argus-attempt"], 200)
    assert attempt["body_sha256"] == hashlib.sha256(request.body).hexdigest()
