"""Django settings, all from `indexsite.env`; secure defaults, and a start that fails loudly."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.utils.csp import CSP

from indexsite import env as _env

try:
    ENV = _env.load()
except _env.EnvError as error:
    sys.exit(f"indexsite cannot start: {error}")

BASE_DIR = _env.BASE_DIR
VAR_DIR = _env.VAR_DIR

SECRET_KEY = ENV.secret_key
SECRET_KEY_FALLBACKS = list(ENV.secret_key_fallbacks)
DEBUG = ENV.debug
SITE_URL = ENV.site_url
SITE_NAME = "indexsite"
ALLOWED_HOSTS = list(ENV.allowed_hosts)
ROOT_URLCONF = "indexsite.urls"
WSGI_APPLICATION = "indexsite.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
APPEND_SLASH = True

INSTALLED_APPS = [
    "indexsite",
    "accounts",
    "mfa",
    "tokens",
    "releases",
    "recovery",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp_webauthn",
    "django_q",
    "rest_framework",
    "drf_spectacular",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "indexsite.http.SiteHostMiddleware",
    "accounts.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "accounts.session_limits.SessionLimitMiddleware",
    "mfa.middleware.ActorMiddleware",
    "indexsite.http.DomainErrorMiddleware",
]

# Of these, what an upload goes through: a token speaks for it, never a cookie.
UPLOAD_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "indexsite.http.SiteHostMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "indexsite.http.DomainErrorMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# -- database: SQLite embedded, PostgreSQL in earnest -------------------------------------------------------

if ENV.database_url.engine == "sqlite":
    Path(ENV.database_url.name).parent.mkdir(parents=True, exist_ok=True)
    DATABASES: dict[str, dict[str, Any]] = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ENV.database_url.name,
            # A reconnect costs as much as the query: keep the connection, one per thread.
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                # Deferred transactions that upgrade to a write fail at once under load.
                "transaction_mode": "IMMEDIATE",
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
                    "PRAGMA mmap_size=268435456; PRAGMA cache_size=-16000;"
                ),
            },
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": ENV.database_url.name,
            "HOST": ENV.database_url.host,
            "PORT": ENV.database_url.port or "",
            "USER": ENV.database_url.user,
            "PASSWORD": ENV.database_url.password,
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(ENV.database_url.options),
        }
    }

if ENV.redis_url:
    CACHES: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": ENV.redis_url}
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CACHES["worker"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "worker"}

# -- sign-in ------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["accounts.backend.AccountBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = "/account/login/"
LOGIN_REDIRECT_URL = "/account/"
AUTH_PASSWORD_VALIDATORS = [{"NAME": "accounts.passwords.QualityValidator"}]
PASSWORD_RESET_TIMEOUT = 60 * 60

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
# By name alone: asking for names and addresses at once costs one hash for some and two for others.
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 10 * 60  # ASVS 5.0, 6.5.5
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = 4
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = 4
ACCOUNT_RATE_LIMITS = False  # indexsite.limits counts, in one table

# django-otp's own throttle doubles without end: whoever knows a password could lock its owner out for years.
OTP_TOTP_THROTTLE_FACTOR = 0
# A clock that is followed wherever it drifts widens the window for guesses; enrolment names a wrong clock instead.
OTP_TOTP_SYNC = False

OTP_WEBAUTHN_CREDENTIAL_MODEL = "mfa.SecurityKey"
OTP_WEBAUTHN_RP_ID = ENV.rp_id
OTP_WEBAUTHN_RP_NAME = SITE_NAME
OTP_WEBAUTHN_ALLOWED_ORIGINS = [ENV.site_url, *ENV.rp_related_origins]

# -- tasks --------------------------------------------------------------------------------------------------

TASKS: dict[str, dict[str, Any]] = {"default": {"BACKEND": "indexsite.task_backend.QueueBackend"}}
Q_CLUSTER: dict[str, Any] = {
    "name": "indexsite",
    "orm": "default",
    "broker_class": "indexsite.task_backend.OutboxBroker",
    "scheduler": False,  # `indexsite.schedule` follows the site's clock instead
    "cache": "worker",  # a worker's heartbeat must not depend on Redis
    "workers": 1,
    "timeout": 300,
    "retry": 360,  # must exceed the timeout, or a slow task runs twice
    "max_attempts": 5,
    "ack_failures": False,
    "poll": 0.5,
    "save_limit": -1,
    "catch_up": False,
    "log_level": "WARNING",
}

# -- mail ---------------------------------------------------------------------------------------------------

if ENV.email_url.kind == "file":
    MAILERS: dict[str, dict[str, Any]] = {
        "default": {
            "BACKEND": "indexsite.mail.FileMailer",
            "OPTIONS": {"directory": str(ENV.email_url.path)},
        }
    }
else:
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {
                "host": ENV.email_url.host,
                "port": ENV.email_url.port,
                "username": ENV.email_url.username,
                "password": ENV.email_url.password,
                "use_tls": ENV.email_url.tls == "starttls",
                "use_ssl": ENV.email_url.tls == "implicit",
                "timeout": 30,
            },
        }
    }
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.email_url.sender or f"{SITE_NAME} <noreply@{ENV.site_host}>"

# -- audit --------------------------------------------------------------------------------------------------

AUDIT_HEADS_FILE = VAR_DIR / "audit-heads.log"

# -- pages --------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Works from a clean checkout: files are found where they lie, no collectstatic.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

_SECURE = ENV.is_https
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SECURE_HSTS_SECONDS = 31_536_000 if _SECURE else 0
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_FAILURE_VIEW = "indexsite.http.csrf_failure"
if _SECURE:  # `indexsite.wsgi` lets the header pass from TRUSTED_PROXIES alone
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.authentication.TokenAuthentication"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "indexsite.api_problems.problem_of",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": f"{SITE_NAME} REST API",
    "VERSION": "1",
    "DESCRIPTION": "What programs can ask of this index, beside the upload protocol and the simple index.",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": SITE_URL}],
    "PREPROCESSING_HOOKS": ["indexsite.api.documented"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"no-tokens": {"()": "indexsite.logs.WithoutTokens"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["no-tokens"]}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django.server": {"level": "WARNING"}, "django-q": {"level": "WARNING"}},
}
