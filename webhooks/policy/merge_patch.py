"""Merge patches (RFC 7396): what is named is replaced, what is null goes, what is absent stays."""

from __future__ import annotations

from webhooks.policy.strict_json import Json


def merged(target: Json, patch: Json) -> Json:
    """Return the target with the patch applied; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
