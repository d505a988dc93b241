"""Settings, read from the environment (``.env.example`` lists every variable).

One file for every machine: what differs between them is a variable, never a branch on a "mode".
Importing this module starts nothing and connects to nothing.
"""

from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from redis.backoff import NoBackoff
from redis.retry import Retry

# Lets ModelAdmin, FormView and others take type parameters at run time, too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Who we are -----------------------------------------------------------------------------------

# The one public address of the site. Everything that depends on the scheme follows from it.
SITE_URL: str = env.str("SITE_URL", default="http://localhost:8000").rstrip("/")
IS_HTTPS = SITE_URL.startswith("https://")
SITE_HOST = urlsplit(SITE_URL).hostname or "localhost"

SECRET_KEY: str = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG: bool = env.bool("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[SITE_HOST])
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# --- Applications ---------------------------------------------------------------------------------

INSTALLED_APPS = [
    # Django's first: permissions must exist before our post_migrate receivers hand them out.
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.sitemaps",  # for its templates
    "django.forms",  # so that form templates under templates/django/forms are found
    "portal.core",
    "portal.accounts",
    "portal.mail",
    "portal.attestation",
    "portal.people",
    "portal.funders",
    "articles",
    "portal.updates",
    "feedback",
    "portal.independence",
    "portal.demo",
    "portal.core.apps.PortalAdminConfig",
    "allauth",
    "allauth.account",
    "django_countries",
    "django_prose_editor",
    "pictures",
    "pgtrigger",
    "pghistory",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Outside of whatever may answer itself: an error page is a page, too.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.core.middleware.MalformedRequestMiddleware",
    "portal.core.middleware.PersonalPageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.attestation.middleware.AttestationMiddleware",
]
# A line for each request that WhiteNoise does not answer; most proxies write one already.
ACCESS_LOG: bool = env.bool("ACCESS_LOG", default=False)
if ACCESS_LOG:
    MIDDLEWARE.insert(2, "portal.core.middleware.AccessLogMiddleware")

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.core.context_processors.site",
            ],
        },
    },
]
FORM_RENDERER = "portal.core.forms.PortalFormRenderer"

# --- PostgreSQL -----------------------------------------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"].setdefault("CONN_MAX_AGE", 600)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis and Celery -----------------------------------------------------------------------------

REDIS_URL: str = env.str("REDIS_URL")
# A Redis that accepts and never answers must not hold a reader for longer than this, in seconds.
REDIS_TIMEOUT = 1
CACHES = {
    "default": {
        # Empty while Redis is away: then the limits on signing in do not count.
        "BACKEND": "portal.core.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "portal",
        "OPTIONS": {
            "socket_timeout": REDIS_TIMEOUT,
            "socket_connect_timeout": REDIS_TIMEOUT,
            # By itself the client tries again for seconds.
            "retry": Retry(NoBackoff(), 0),
        },
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_DEFAULT_QUEUE: str = env.str("CELERY_QUEUE", default="portal")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": REDIS_TIMEOUT,
    "socket_connect_timeout": REDIS_TIMEOUT,
}
# Publishing a task gives up within about a second: the beat's scan finds what was not announced.
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_TIMEZONE = "UTC"
# A file of more rows is made in the background; one of fewer is sent while it is made.
EXPORT_STREAM_ROWS: int = env.int("EXPORT_STREAM_ROWS", default=100_000)
# By the clock of whoever publishes it: longer than clocks may differ (MAX_CLOCK_DIFFERENCE), or a
# worker whose clock is ahead would throw every task away.
TASK_EXPIRES = 120  # seconds
CELERY_BEAT_SCHEDULE = {
    "deliver-due-mail": {
        "task": "portal.mail.tasks.deliver_due_mail",
        "schedule": env.float("MAIL_SCAN_SECONDS", default=30),
        "options": {"expires": TASK_EXPIRES},
    },
    "publish-scheduled-articles": {
        "task": "articles.tasks.publish_scheduled_articles",
        "schedule": env.float("SCHEDULE_SCAN_SECONDS", default=30),
        # Longer than most runs of mail, and any that waits before it.
        "options": {"expires": TASK_EXPIRES},
    },
    "look-after-disclosures": {
        "task": "portal.people.tasks.look_after_disclosures",
        "schedule": env.float("DISCLOSURE_SCAN_SECONDS", default=600),
        "options": {"expires": 600},
    },
    # What results pages show is as old as this.
    "refresh-tallies": {
        "task": "feedback.tasks.refresh_tallies",
        "schedule": env.float("TALLY_SECONDS", default=60),
        "options": {"expires": TASK_EXPIRES},
    },
    # Ten sources each time (articles/reference_import/rechecking.py).
    "recheck-references": {
        "task": "articles.tasks.recheck_references",
        "schedule": env.float("REFERENCE_CHECK_SECONDS", default=600),
        "options": {"expires": 600},
    },
    # What Redis has counted of this month and the last (feedback/impressions.py).
    "store-impressions": {
        "task": "feedback.tasks.store_impressions",
        "schedule": env.float("IMPRESSIONS_SECONDS", default=600),
        "options": {"expires": 600},
    },
    # Exports that wait or lost their maker, and files past their time (feedback/exports/jobs.py).
    "look-after-exports": {
        "task": "feedback.exports.tasks.look_after_exports",
        "schedule": env.float("EXPORT_SCAN_SECONDS", default=30),
        "options": {"expires": TASK_EXPIRES},
    },
    # Whose local morning it is, is told what is new (portal/updates/digests.py).
    "plan-digests": {
        "task": "portal.updates.tasks.plan_digests",
        "schedule": env.float("DIGEST_SCAN_SECONDS", default=300),
        "options": {"expires": 300},
    },
    # Once a day, soon after midnight, whichever hour it is first asked in (portal/independence).
    "audit-memberships": {
        "task": "portal.independence.tasks.audit_memberships",
        "schedule": 900,
        "options": {"expires": 900},
    },
}

# --- E-mail ---------------------------------------------------------------------------------------

# By which way all mail goes: "smtp" (EMAIL_URL), or "postmark" (the HTTP API of that provider).
MAIL_PROVIDER: str = env.str("MAIL_PROVIDER", default="smtp")
# A worker that sends lets other tasks have their turn after so long.
MAIL_RUN_SECONDS: float = env.float("MAIL_RUN_SECONDS", default=20)
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
# Seconds, for each step of a conversation with the mail server or the provider.
EMAIL_TIMEOUT = 10
# For the mail server's answer to a whole message, which it may search for viruses first: whoever
# hangs up meanwhile does not know whether it was taken (RFC 5321, 4.5.3.2.6).
MAIL_REPLY_TIMEOUT: float = env.float("MAIL_REPLY_TIMEOUT", default=120)
if MAIL_PROVIDER == "postmark":
    EMAIL_BACKEND = "portal.mail.postmark.PostmarkBackend"
# Postmark keeps mail that was asked for and mail that answers an action in separate streams.
POSTMARK_ACCOUNTS_STREAM: str = env.str("POSTMARK_ACCOUNTS_STREAM", default="outbound")
POSTMARK_UPDATES_STREAM: str = env.str("POSTMARK_UPDATES_STREAM", default="broadcast")
ANYMAIL = {
    "POSTMARK_SERVER_TOKEN": env.str("POSTMARK_SERVER_TOKEN", default=""),
    "POSTMARK_API_URL": env.str("POSTMARK_API_URL", default="https://api.postmarkapp.com/"),
    "POSTMARK_MESSAGE_STREAM": POSTMARK_ACCOUNTS_STREAM,
    # "name:password" that Postmark's reports must bring; two during a change. Empty: none is taken.
    "WEBHOOK_SECRET": env.list("POSTMARK_WEBHOOK_SECRET", default=[]),
    # Nobody is followed.
    "SEND_DEFAULTS": {"track_opens": False, "track_clicks": False},
    "REQUESTS_TIMEOUT": EMAIL_TIMEOUT,
}
# Account mail and update mail come from separate addresses: an opt-out from one never blocks
# the other.
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default=f"accounts@{SITE_HOST}")
UPDATES_FROM_EMAIL: str = env.str("UPDATES_FROM_EMAIL", default=f"updates@{SITE_HOST}")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Who brings this as a bearer token reads the outbox's figures at /metrics/. Empty: nobody.
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")

# --- References: whom to ask about a DOI or a PMID (articles/reference_import) --------------------

# Empty: not asked; editors then import files or type.
CROSSREF_URL: str = env.str("CROSSREF_URL", default="https://api.crossref.org")
NCBI_URL: str = env.str("NCBI_URL", default="https://eutils.ncbi.nlm.nih.gov/entrez/eutils")
# Both want to know whom to write to before they shut somebody out.
REFERENCE_MAILTO: str = env.str("REFERENCE_MAILTO", default=DEFAULT_FROM_EMAIL)

# --- Accounts (django-allauth) --------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
# The e-mail address is unique whatever its case, by a constraint that the check does not see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "portal.accounts.forms.LoginForm",
    "signup": "portal.accounts.forms.SignupForm",
    "add_email": "portal.accounts.forms.AddEmailForm",
    "change_password": "portal.accounts.forms.ChangePasswordForm",
    "set_password": "portal.accounts.forms.SetPasswordForm",
    "reset_password": "portal.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "portal.accounts.forms.ResetPasswordKeyForm",
    "reauthenticate": "portal.accounts.forms.ReauthenticateForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_HTTPS else "http"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ALLAUTH_TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXY_COUNT", default=0)
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- The HCP gate ---------------------------------------------------------------------------------

# Namespaces and view names of third parties that are open to everybody (our own views say it
# themselves with @public). What stands nowhere is closed.
ATTESTATION_PUBLIC_NAMESPACES = {"admin"}
ATTESTATION_PUBLIC_VIEW_MODULES = ("allauth.",)
ATTESTATION_COOKIE_NAME = "__Host-attestation" if IS_HTTPS else "attestation"
ATTESTATION_COOKIE_AGE = 365 * 24 * 3600  # seconds

# --- Caching in process memory --------------------------------------------------------------------

# How long a process may serve what it remembers before it asks whether content has changed.
CONTENT_STAMP_SECONDS: float = env.float("CONTENT_STAMP_SECONDS", default=1.0)

# --- Security -------------------------------------------------------------------------------------

SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "portal.core.views.csrf_failure"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
# A form of the desk may have hundreds of rows; a flood of fields is still refused.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# --- Language and time ----------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", _("English"))]
FORMAT_MODULE_PATH = "portal.core.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE: str = env.str("TIME_ZONE", default="Europe/London")

# --- Static files ---------------------------------------------------------------------------------

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Signed agreements: no address leads there.
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": env.str("PRIVATE_ROOT", default=str(VAR_DIR / "private")),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {
        "BACKEND": env.str(
            "STATICFILES_STORAGE",
            default="whitenoise.storage.CompressedManifestStaticFilesStorage",
        )
    },
}

# Rows of history are evidence: nobody changes or deletes them.
PGHISTORY_APPEND_ONLY = True

# --- Media: uploaded figures, served by a closed view ---------------------------------------------

MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(VAR_DIR / "media")))
# Of a whole request, in bytes: several figures at once; each has a limit of its own.
MAX_UPLOAD_SIZE = 64 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "portal.core.uploads.RefuseHugeUploads",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
PICTURES = {
    "FILE_TYPES": ["AVIF", "WEBP"],
    # Widths in CSS pixels: thirds of the widest that a figure gets on a page, and their doubles.
    "CONTAINER_WIDTH": 720,
    "GRID_COLUMNS": 3,
    "PIXEL_DENSITIES": [1, 2],
    # Who changes the above makes the missing variants, too (pictures.migrations.AlterPictureField).
    "PROCESSOR": "articles.images.make_variants",
    "USE_PLACEHOLDERS": False,
}

# --- Logging: no e-mail address, no query string, no body -----------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "portal.core.logs.PrivateFormatter",
            "format": "{levelname} {name}: {message}",
            "style": "{",
        }
    },
    "filters": {"refusals": {"()": "portal.core.logs.RefusalFilter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusals"],
        }
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Django's own handlers would mail error reports with whole requests to the administrators.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # Two lines for each look into the outbox, most of which find it empty.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
