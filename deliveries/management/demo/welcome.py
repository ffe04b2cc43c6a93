"""What `manage.py up` tells a newcomer: where the console is, who may enter, and a curl that works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from config.embedded.home import PROJECT
from deliveries.management.demo import seed
from deliveries.management.demo.seed import Credentials

# Every line fits 80 columns, so that what is copied from a terminal is what was meant.
_CURL = """\
curl http://127.0.0.1:{port}/api/v1/events \\
  -H 'Authorization: Bearer {token}' \\
  -H 'Content-Type: application/json' \\
  -d '{{"event": "case.escalated", "data": {{"case_id": "C-1042"}}}}'"""


def lines(*, port: int, first: Credentials | None, token: str | None) -> Iterator[str]:
    """Say everything; `first` is what only a first start can tell, `token` what the curl carries."""
    yield f"Argus Webhooks is running on http://127.0.0.1:{port} (Ctrl-C stops everything)."
    yield ""
    yield f"  Console  http://127.0.0.1:{port}/admin/"
    if first is not None and first.password:
        yield f"  Login    {seed.LOGIN}, password {first.password} (shown this once)"
    else:
        yield f"  Login    {seed.LOGIN} (forgotten? {_manage()} changepassword {seed.LOGIN})"
    if first is not None:
        yield f"  Client   {first.client.id}"
        yield f"  Secret   {first.client.secret}"
        yield "           (an OAuth 2.0 client for the API, its secret shown this once)"
    else:
        yield "  Client   told at the first start; for another one:"
        yield f"           {_manage()} create_client --organisation {seed.ORGANISATION}"
    yield ""
    if token is not None:
        yield "Publish an event; the demo receiver gets it (the token is good for a day):"
        yield ""
        yield from _CURL.format(port=port, token=token).splitlines()
        yield ""


def _manage() -> str:
    """How to call manage.py here: with the interpreter that runs this."""
    python = Path(sys.executable)
    inside = python.is_relative_to(PROJECT)
    return f"{python.relative_to(PROJECT) if inside else python} manage.py"
