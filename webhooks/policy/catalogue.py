"""The event types that everybody shares: ours and those of the products beside us."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One shared event type."""

    name: str
    category: str
    description: str


_BY_CATEGORY: dict[str, dict[str, str]] = {
    "Users": {
        "user.created": "A user was created.",
        "user.login": "A user signed in.",
        "user.logout": "A user signed out.",
        "user.password_changed": "A user's password was changed.",
        "user.email_changed": "A user's e-mail address was changed.",
        "user.profile_updated": "A user's profile was changed.",
    },
    "Multi-factor authentication": {
        "mfa.enabled": "A second factor was turned on.",
        "mfa.disabled": "A second factor was turned off.",
        "mfa.passkey_registered": "A passkey was registered.",
        "mfa.challenge_failed": "A second factor was asked for and not given.",
    },
    "Security": {
        "security.breach_attempt_detected": "An attempt to break in was noticed.",
        "security.account_locked": "An account was locked.",
        "security.suspicious_login": "A sign-in looked unlike the user's others.",
        "security.password_breached": "A password was found in a published leak.",
    },
    "Single sign-on": {
        "sso.authenticated": "A user signed in through an identity provider.",
        "sso.provider_linked": "An identity provider was linked.",
        "sso.provider_unlinked": "An identity provider was unlinked.",
    },
    "Organisations": {
        "organisation.user_added": "A user joined an organisation.",
        "organisation.user_removed": "A user left an organisation.",
        "organisation.role_changed": "A user's role in an organisation was changed.",
    },
    "Sessions": {
        "session.created": "A session began.",
        "session.terminated": "A session was ended.",
        "session.limit_reached": "A user has as many sessions as are allowed.",
    },
    "OAuth": {
        "oauth.client_registered": "An API client was registered.",
        "oauth.token_issued": "An access token was issued.",
        "oauth.token_revoked": "An access token was revoked.",
    },
    "Screening": {
        "match.created": "A screening found a match.",
        "match.updated": "A match was assessed anew.",
        "case.created": "A case was opened.",
        "case.status_changed": "A case moved to another status.",
        "case.escalated": "A case was escalated.",
        "threshold.exceeded": "A monitored value went over its threshold.",
        "entity.updated": "A screened entity's record was changed.",
    },
    "Audit": {
        "audit.recorded": "An entry was added to the audit trail.",
    },
    "Transactions": {
        "transaction_upload.processing": "An upload of transactions is being processed.",
        "transaction_upload.validated": "An upload of transactions passed validation.",
        "transaction_upload.completed": "An upload of transactions was taken in.",
        "transaction_upload.failed": "An upload of transactions was given up.",
        "alert.analysis_completed": "The analysis of an alert was completed.",
        "rose.pdf.generated": "A report was generated as PDF.",
        "rose.pdf.generation_failed": "A report could not be generated as PDF.",
    },
    "Processes": {
        "process.started": "A process was started.",
        "process.executed": "A process was executed.",
        "process.ended": "A process came to its end.",
        "customer.status_changed": "A customer moved to another status.",
        "customer.tag_added": "A customer was given a tag.",
        "aml_alert.created": "An anti-money-laundering alert was raised.",
    },
    "Webhooks": {
        "endpoint.created": "An endpoint was created.",
        "endpoint.updated": "An endpoint's configuration was changed.",
        "endpoint.activated": "An endpoint began to receive deliveries.",
        "endpoint.paused": "An endpoint's deliveries were put on hold.",
        "endpoint.disabled": "An endpoint was disabled by a rule.",
        "endpoint.deleted": "An endpoint was deleted.",
        "circuit.opened": "An endpoint's circuit opened: nothing is sent to it for a while.",
        "circuit.closed": "An endpoint's circuit closed: deliveries flow again.",
        "delivery.dead": "A delivery was given up.",
        "replay.finished": "A replay came to its end.",
        "secret.expiring": "A signing secret is about to expire.",
    },
}

CATALOGUE = tuple(
    Entry(name, category, description)
    for category, entries in _BY_CATEGORY.items()
    for name, description in entries.items()
)
