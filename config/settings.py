"""Django settings: every value comes from `config.env`, behaviour objects are built where they are used."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config import env, logging
from webhooks.policy.scopes import SCOPES

BASE_DIR = Path(__file__).resolve().parent.parent

ENVIRONMENT: str = env.read("ENVIRONMENT")
PRODUCTION = ENVIRONMENT == "production"
DEBUG: bool = env.read("DEBUG")
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG: refused in production; debug pages show settings to strangers.")


def _required_in_production(name: str, development: str) -> str:
    value: str = env.read(name)
    if value:
        return value
    if PRODUCTION:
        raise ImproperlyConfigured(f"{name}: required in production.")
    return development


SECRET_KEY = _required_in_production("SECRET_KEY", "development only: signs nothing outside this machine")
ALLOWED_HOSTS: list[str] = env.read("ALLOWED_HOSTS") or (
    [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "oauth2_provider",
    "drf_spectacular",
    "webhooks",
    "deliveries",
    "config",
]
MIDDLEWARE = [
    "webhooks.api.request_ids.RequestIds",
    "config.tls.ForwardedProto",
    "config.tls.TlsOnly",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# PostgreSQL is the truth. The pool lends a connection for one statement or transaction: none is held during HTTP,
# so a hundred waiting sender threads need no hundred connections.
DATABASE_URL: str = env.read("DATABASE_URL")
if PRODUCTION and not DATABASE_URL:
    raise ImproperlyConfigured("DATABASE_URL: required in production; the embedded server is for development.")


def _database() -> dict[str, Any]:
    database = dict(environ.Env.db_url_config(DATABASE_URL or "postgresql:///argus"))
    options = dict(database.pop("OPTIONS", {}))
    # A failed attempt to connect is repeated with growing pauses until `reconnect_timeout`, while nobody else may try:
    # with the library's 300 s, a process could notice minutes late that PostgreSQL is back.
    options["pool"] = {
        "min_size": 0,
        "max_size": env.read("DATABASE_POOL_SIZE"),
        "timeout": 10,
        "reconnect_timeout": 1,
    }
    options.setdefault("connect_timeout", 5)
    return {**database, "ENGINE": "django.db.backends.postgresql", "OPTIONS": options, "CONN_MAX_AGE": 0}


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis holds what workers share from second to second, and by default the broker's queues.
REDIS_URL: str = env.read("REDIS_URL") or ("" if PRODUCTION else "redis://127.0.0.1:6379/0")
if not REDIS_URL:
    raise ImproperlyConfigured("REDIS_URL: required in production; the embedded server is for development.")


def _broker_url() -> str:
    configured: str = env.read("CELERY_BROKER_URL")
    if configured or not REDIS_URL.startswith("unix://"):
        return configured or REDIS_URL
    # kombu spells a unix socket differently from redis-py.
    return f"redis+socket://{quote(urlsplit(REDIS_URL).path)}"


CELERY_BROKER_URL = _broker_url()
# The countdown ceiling must stay under half of it, or held countdowns are delivered twice.
VISIBILITY_TIMEOUT_SECONDS = 3600
SWEEP_INTERVAL_SECONDS: float = env.read("SWEEP_INTERVAL_SECONDS")

# The lane.
DELIVERY_DEADLINE_SECONDS: float = env.read("DELIVERY_DEADLINE_SECONDS")
MAX_DELIVERY_DEADLINE_SECONDS: float = env.read("MAX_DELIVERY_DEADLINE_SECONDS")
LEASE_SECONDS: float = env.read("LEASE_SECONDS")
CHUNK_BUDGET_SECONDS: float = env.read("CHUNK_BUDGET_SECONDS")
RUN_BUDGET_SECONDS: float = env.read("RUN_BUDGET_SECONDS")
CLAIM_MAX_DELIVERIES: int = env.read("CLAIM_MAX_DELIVERIES")
CLAIM_MAX_BYTES: int = env.read("CLAIM_MAX_BYTES")
COUNTDOWN_CEILING_SECONDS: float = env.read("COUNTDOWN_CEILING_SECONDS")
COUNTDOWN_LIMIT: int = env.read("COUNTDOWN_LIMIT")
DOORBELL_STALE_SECONDS: float = env.read("DOORBELL_STALE_SECONDS")
DEFAULT_MAX_CONCURRENCY: int = env.read("DEFAULT_MAX_CONCURRENCY")
DEFAULT_RETRY_POLICY: str = env.read("DEFAULT_RETRY_POLICY")
MAX_AGE_SECONDS: float = env.read("MAX_AGE_SECONDS")
MAX_BACKLOG: int = env.read("MAX_BACKLOG")
WORKER_THREADS: int = env.read("WORKER_THREADS")
CIRCUIT_FAILURE_THRESHOLD: int = env.read("CIRCUIT_FAILURE_THRESHOLD")
CIRCUIT_FAILURE_RATE: float = env.read("CIRCUIT_FAILURE_RATE")
CIRCUIT_WINDOW_SECONDS: float = env.read("CIRCUIT_WINDOW_SECONDS")
CIRCUIT_WINDOW_MINIMUM: int = env.read("CIRCUIT_WINDOW_MINIMUM")
CIRCUIT_OPEN_SECONDS: float = env.read("CIRCUIT_OPEN_SECONDS")
CIRCUIT_MAX_OPEN_SECONDS: float = env.read("CIRCUIT_MAX_OPEN_SECONDS")
EVENT_MAX_BYTES: int = env.read("EVENT_MAX_BYTES")
IDEMPOTENCY_WINDOW_DAYS: int = env.read("IDEMPOTENCY_WINDOW_DAYS")

# The outgoing request.
EGRESS_ALLOW: list[str] = env.read("EGRESS_ALLOW")
EGRESS_HTTP_ALLOW: list[str] = env.read("EGRESS_HTTP_ALLOW")
EGRESS_DENY: list[str] = env.read("EGRESS_DENY")


def _encryption_keys() -> list[str]:
    configured: list[str] = env.read("ENCRYPTION_KEYS")
    if configured:
        return configured
    if PRODUCTION:
        raise ImproperlyConfigured("ENCRYPTION_KEYS: required in production; `id:base64` of 32 random bytes.")
    derived = hashlib.sha256(b"argus development encryption key" + SECRET_KEY.encode()).digest()
    return [f"development:{base64.b64encode(derived).decode()}"]


ENCRYPTION_KEYS = _encryption_keys()

# People, clients, API.
AUTH_USER_MODEL = "webhooks.User"
OAUTH2_PROVIDER_APPLICATION_MODEL = "webhooks.Application"
OAUTH2_PROVIDER = {
    "SCOPES": dict(SCOPES),
    "SCOPES_BACKEND_CLASS": "webhooks.api.oauth.ClientScopes",
    "OAUTH2_VALIDATOR_CLASS": "webhooks.api.oauth.Validator",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    # Letters and digits: some 380 bits, and a terminal's line holds it.
    "CLIENT_SECRET_GENERATOR_LENGTH": 64,
    # RFC 9700, all of it: above all, tokens are stored as digests.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["webhooks.api.authentication.ClientAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["webhooks.api.authentication.HasScope"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "webhooks.api.parsers.JsonAlways",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["webhooks.api.parsers.StrictJson"],
    "DEFAULT_SCHEMA_CLASS": "webhooks.api.schema.TenantSchema",
    "EXCEPTION_HANDLER": "webhooks.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Argus Webhooks",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "webhooks.api.schema.describe_problems",
    ],
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION

TRUSTED_PROXIES: list[str] = env.read("TRUSTED_PROXIES")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024

LOGGING_CONFIG = None
logging.configure(level=env.read("LOG_LEVEL"), form=env.read("LOG_FORMAT") or ("json" if PRODUCTION else "console"))
