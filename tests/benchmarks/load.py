"""What is sent: one kilobyte of JSON, as a partner's compliance events look."""

from __future__ import annotations

import json

_CASE = {
    "case_id": "5f0c9a36-5c1e-4b7e-9d0e-2f9f6f0b7c11",
    "customer": {"name": "Ada Lovelace", "country": "GB", "risk": "high", "balance": 100.10},
    "reasons": ["velocity", "jurisdiction", "structuring"],
    "escalated_by": "alice@acme.example",
}
BYTES = 1024
DATA = json.dumps({**_CASE, "narrative": "x" * (BYTES - len(json.dumps({**_CASE, "narrative": ""})))}).encode()
assert len(DATA) == BYTES
