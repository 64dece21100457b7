"""Every setting of the shop. Values come from the environment; nothing else reads it.

`.env.example` and the table in the README say what each variable means.
"""

from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from shop import locks
from shop.kit import currencies

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
if env("SHOP_ENV", default="") != "test":  # tests do not depend on who runs them
    env.read_env(BASE_DIR / ".env")

# Environment: production unless told otherwise, so that forgetting to say so is safe.
SHOP_ENV = env("SHOP_ENV", default="production")
if SHOP_ENV not in ("production", "development", "test"):
    raise ImproperlyConfigured("SHOP_ENV is production, development or test.")
PRODUCTION = SHOP_ENV == "production"
DEBUG = env.bool("DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG cannot be on where SHOP_ENV is production.")


def required(name: str, demo: str, hint: str) -> str:
    """A value that production must name; elsewhere the demo value serves."""
    value = env(name, default="") or ("" if PRODUCTION else demo)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {hint}")
    return value


SECRET_KEY = required(
    "SECRET_KEY",
    "a demo key that guards nothing",
    "Set it to 50 or more random characters.",
)
SITE_URL = required(
    "SITE_URL",
    "http://localhost:8000",
    "Set it to the shop's address, such as https://shop.example.",
).rstrip("/")
SITE_HOST = SITE_URL.split("://")[-1].split("/")[0]
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=[SITE_HOST.split(":")[0]]
    if PRODUCTION
    else ["localhost", "127.0.0.1", "[::1]", "testserver"],
)
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# The shop
SHOP_NAME = env("SHOP_NAME", default="Tandem")
SHOP_CURRENCY = env("SHOP_CURRENCY", default="USD")
if SHOP_CURRENCY not in currencies.SUPPORTED:
    raise ImproperlyConfigured(
        f"SHOP_CURRENCY is {SHOP_CURRENCY!r}, which is no currency that Stripe charges. "
        "Set it to a code of three capital letters, such as USD."
    )
LOW_STOCK_FROM = env.int("LOW_STOCK_FROM", default=5)
MAX_PER_LINE = env.int("MAX_PER_LINE", default=10)
ADMIN_PATH = env("ADMIN_PATH", default="admin/").strip("/") + "/"

# Applications, ground floor first
INSTALLED_APPS = [
    "shop.kit",
    "catalog",
    "accounts",
    "orders",
    "referrals",
    "shop",
    "shop.apps.StaffConfig",  # django.contrib.admin with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_tasks",
    "django_tasks_db",
    "django_htmx",
    "template_partials",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "shop.middleware.canonical_host",
    "shop.middleware.no_nul_cookies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "referrals.entries.middleware",
    "referrals.passage.middleware",
    "referrals.devices.middleware",
    "shop.middleware.no_nul_bytes",
    "shop.middleware.no_blank_refusal",
]

ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"

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
                "shop.context.site",
                "catalog.context.departments",
                "orders.context.cart_count",
                "referrals.context.invitation",
            ],
        },
    }
]

# Database: SQLite until DATABASE_URL says otherwise
DATABASE_URL = env("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'shop.sqlite3'}")
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    VAR_DIR.mkdir(exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # Writers queue up instead of failing late with "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
        ),
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {
        "options": "-c lock_timeout=10000 -c statement_timeout=30000"
    }

# Cache and sessions: the database until REDIS_URL says otherwise
REDIS_URL = env("REDIS_URL", default="")
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
        }
    }
    SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "shop_cache",
            # Django's 300 would push counted tries out of the cache, limits with them.
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    }

# Background work
TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend",
        "QUEUES": ["default", "mail"],
    }
}
WORKER_PAUSE_SECONDS = env.float("WORKER_PAUSE_SECONDS", default=1.0)

# Mail: Django hands every message to our outbox; the worker sends it by MAIL_TRANSPORT
vars().update(env.email_url("EMAIL_URL", default="smtp://localhost:25"))
EMAIL_BACKEND = "shop.kit.mail.Outbox"
EMAIL_TIMEOUT = 20  # seconds; a mail server that says nothing must not stop the worker
DEFAULT_FROM_EMAIL = required(
    "DEFAULT_FROM_EMAIL",
    "Tandem <shop@tandem.example>",
    "Set it to the sender of the shop's mail.",
)
SERVER_EMAIL = DEFAULT_FROM_EMAIL
REPLY_TO_EMAIL = env("REPLY_TO_EMAIL", default="")
# Where docs/operations.md can be read, for staff; named on their pages if not set
OPERATIONS_MANUAL_URL = env("OPERATIONS_MANUAL_URL", default="")
SUPPORT_EMAIL = env("SUPPORT_EMAIL", default=REPLY_TO_EMAIL or "hello@tandem.example")

# Stripe, or its stand-in on this very server
STRIPE_API_VERSION = "2026-10-28.endive"
STRIPE_SECRET_KEY = required(
    "STRIPE_SECRET_KEY",
    "sk_test_sandbox_tandem",
    "Copy it from Stripe's dashboard, API keys.",
)
STRIPE_WEBHOOK_SECRETS = env.list("STRIPE_WEBHOOK_SECRETS", default=[]) or (
    [] if PRODUCTION else ["whsec_sandbox_tandem"]
)
if not all(STRIPE_WEBHOOK_SECRETS) or not STRIPE_WEBHOOK_SECRETS:
    raise ImproperlyConfigured(
        "STRIPE_WEBHOOK_SECRETS is not set. Copy the signing secret of the webhook "
        "endpoint from Stripe's dashboard; while rolling it, list both, separated by a comma."
    )
# After so many days nothing is kept of a processed event but that it came
STRIPE_EVENT_DAYS = env.int("STRIPE_EVENT_DAYS", default=90)
SANDBOX = env.bool(
    "SANDBOX", default=STRIPE_SECRET_KEY.startswith(locks.SANDBOX_KEY_PREFIX)
)
STRIPE_API_BASE = env(
    "STRIPE_API_BASE",
    default=f"{SITE_URL}/sandbox/stripe" if SANDBOX else locks.OFFICIAL_BASE,
)
locks.refuse_unsafe(
    env=SHOP_ENV,
    secret_key=STRIPE_SECRET_KEY,
    api_base=STRIPE_API_BASE,
    sandbox_on=SANDBOX,
)
LIVE_MODE = STRIPE_SECRET_KEY.startswith(locks.LIVE_KEY_PREFIXES)
# A card page stays payable for 35 minutes (Stripe's least is 30), its order for 40.
PAYMENT_MINUTES = 35
ORDER_MINUTES = 40
if SANDBOX:
    INSTALLED_APPS += ["shop.sandbox"]
    SANDBOX_DB = env("SANDBOX_DB", default=str(VAR_DIR / "sandbox.sqlite3"))
    SANDBOX_WEBHOOK_URL = env(
        "SANDBOX_WEBHOOK_URL", default=f"{SITE_URL}/webhooks/stripe/"
    )
    SANDBOX_ALLOW_REMOTE = env.bool("SANDBOX_ALLOW_REMOTE", default=False)
MAIL_TRANSPORT = env(
    "MAIL_TRANSPORT",
    default="shop.sandbox.mailbox.EmailBackend"
    if SANDBOX
    else "django.core.mail.backends.smtp.EmailBackend",
)

# Questions that the checkout puts to whoever is listed here
CHECKOUT_DISCOUNTS = [
    "referrals.discounts.welcome",
]
# Questions before a balance is spent: each lets it pass or sends the customer elsewhere
SPENDING_QUESTIONS = [
    "referrals.stepup.ask",
]
# Above it a browser that is new to the account's owner is asked for a proof, once
STEP_UP_AMOUNT = env.int("STEP_UP_AMOUNT", default=2000)  # minor units
# Whoever says what else a refund would bring about
REFUND_CONSEQUENCES = [
    "referrals.consequences.rewards",
]
# Whoever knows what is behind a line of a balance, to link to it
BALANCE_CAUSES = [
    "accounts.causes.of_lines",
    "referrals.causes.of_lines",
]
# Templates that the thank-you page shows below the order
THANK_YOU_FRAGMENTS = [
    "referrals/thank_you.html",
]

# Who else knows something about a person: asked when they take it along, or leave
PRIVACY_ROOMS = [
    "orders.privacy",
    "referrals.privacy",
]

# What sign-up asks beside name and address: a field's name, and who makes it
SIGNUP_FIELDS = {
    "invitation_code": "referrals.signup.code_field",
    "invited": "referrals.signup.hand_off_field",
}

# Rooms whose rules the proof of the books checks, and whose rows its dump prints
BOOKS = [
    "accounts.books",
    "catalog.books",
    "orders.books",
    "orders.exhibits",
    "referrals.books",
]

# Referrals
# What an order earns: called with its facts, answers with a grant or a refusal
REFERRAL_RULE = "referrals.rules.standard"
REFERRAL_CODE_GENERATOR = "referrals.codes.by_lot"
REFERRAL_BOT_DETECTOR = "referrals.clicks.is_machine"
# A shop's own rules about who can be brought by whom, beside ours
REFERRAL_ELIGIBILITY = []
# When an order's parcel arrived, for terms whose hold begins with that: called with
# the order, answers a moment, or None while it is on its way
REFERRAL_DELIVERED_AT = ""
REFERRAL_COOKIE = "tandem_visit"
# When a click may be remembered: at once, after a tap on the gift, after a yes
REFERRAL_CONSENT = env("REFERRAL_CONSENT", default="exempt")
if REFERRAL_CONSENT not in ("exempt", "on_accept", "required"):
    raise ImproperlyConfigured("REFERRAL_CONSENT is exempt, on_accept or required.")
# Whether somebody is a customer whose every order was cancelled after payment
REFERRAL_CANCELLED_ORDERS_COUNT = env.bool(
    "REFERRAL_CANCELLED_ORDERS_COUNT", default=True
)
# What is asked about a friend; together 60 and more mean that a person has to look
REFERRAL_SIGNALS = [
    "referrals.signs.same_device",
    "referrals.signs.same_network",
    "referrals.signs.same_address",
    "referrals.signs.full_household",
    "referrals.signs.disposable_address",
    "referrals.signs.many_by_inviter",
    "referrals.signs.many_by_network",
    "referrals.signs.many_by_domain",
    "referrals.signs.many_refunds",
    "referrals.signs.too_fast",
    "referrals.signs.coupon_site",
    "referrals.signs.paid_ad",
]
# So many newcomers in 24 hours are nothing special; the next one is looked at
REFERRAL_MOST_A_DAY = {"inviter": 10, "network": 5, "domain": 5}
# Where everybody has a mailbox: no sign that people belong together
REFERRAL_COMMON_MAIL_DOMAINS = [
    *["gmail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com"],
    *["icloud.com", "me.com", "aol.com", "proton.me", "protonmail.com", "gmx.de"],
    *["gmx.net", "web.de", "mail.com", "yandex.com", "zoho.com", "fastmail.com"],
]
# Beside those that the package `disposable-email-domains` knows
REFERRAL_DISPOSABLE_DOMAINS = env.list("REFERRAL_DISPOSABLE_DOMAINS", default=[])
# Sites that collect codes: a visit from there counts, and is flagged
REFERRAL_COUPON_SITES = env.list(
    "REFERRAL_COUPON_SITES",
    default=[
        *[
            "retailmenot.com",
            "coupons.com",
            "groupon.com",
            "honey.com",
            "joinhoney.com",
        ],
        *["slickdeals.net", "dealspotr.com", "couponfollow.com", "mydealz.de"],
        *["hotukdeals.com", "vouchercodes.co.uk", "gutscheine.de", "pepper.com"],
    ],
)
# What one person of the staff may give or take by hand in a day, in minor units; by
# group, such as Support=2000,Accounting=20000, and for those in none of them
ADJUSTMENT_LIMITS = env.dict("ADJUSTMENT_LIMITS", cast={"value": int}, default={})
ADJUSTMENT_LIMIT = env.int("ADJUSTMENT_LIMIT", default=2000)
# Above it for one member in a day another person has to confirm
ADJUSTMENT_TWO_PEOPLE_FROM = env.int("ADJUSTMENT_TWO_PEOPLE_FROM", default=5000)
# By one person, or to one member, in a day: above it two people have to agree, in minor units
REFERRAL_TWO_PEOPLE_FROM = env.int("REFERRAL_TWO_PEOPLE_FROM", default=5000)
# What becomes of a case that nobody decides: approve, reject, or nothing but waiting
REFERRAL_REVIEW_DEFAULT = env("REFERRAL_REVIEW_DEFAULT", default="")
if REFERRAL_REVIEW_DEFAULT not in ("", "approve", "reject"):
    raise ImproperlyConfigured("REFERRAL_REVIEW_DEFAULT is approve, reject or empty.")
REFERRAL_REVIEW_DAYS = env.int("REFERRAL_REVIEW_DAYS", default=14)
# Releases within an hour that never are too many; beyond it, five times what is usual
REFERRAL_RELEASES_AN_HOUR = env.int("REFERRAL_RELEASES_AN_HOUR", default=50)
# Whether the shop writes to members' friends; their own mail program is the other way
REFERRAL_INVITATION_MAILS = env.bool("REFERRAL_INVITATION_MAILS", default=False)
# Stands in mails to people who asked for none
SHOP_POSTAL_ADDRESS = env("SHOP_POSTAL_ADDRESS", default="")
if REFERRAL_INVITATION_MAILS and not SHOP_POSTAL_ADDRESS:
    raise ImproperlyConfigured("REFERRAL_INVITATION_MAILS needs SHOP_POSTAL_ADDRESS.")
# A year's credit from which staff are shown a member, in minor units; 0 shows nobody
REFERRAL_YEARLY_LOOK_FROM = env.int("REFERRAL_YEARLY_LOOK_FROM", default=0)
# Whether one card is one person: not where everybody pays with Stripe's test cards
REFERRAL_CARDS_ARE_PEOPLE = env.bool(
    "REFERRAL_CARDS_ARE_PEOPLE", default=LIVE_MODE or SHOP_ENV == "test"
)

# Accounts
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_REDIRECT_URL = "accounts:home"
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapter.SocialAccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.forms.SignupForm"}
SOCIALACCOUNT_FORMS = {"signup": "accounts.forms.SocialSignupForm"}
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.signup.SharedSignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_HONEYPOT_FIELD = "website"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT = {
    "numeric": True,
    "length": 6,
    "dashed": False,
}
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
# Offered for new addresses only, it would tell which ones are taken.
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = False
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = SITE_URL.split("://")[0]
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False

# Passkeys, authenticator apps, and recovery codes for the day they are lost. They work
# where SITE_URL is https, or http://localhost: no browser offers them elsewhere.
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["webauthn", "totp", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_TOTP_ISSUER = SHOP_NAME
MFA_FORMS = {
    "signup_webauthn": "accounts.passkeys.SignupPasskeyForm",
    "add_webauthn": "accounts.passkeys.AddPasskeyForm",
    "edit_webauthn": "accounts.passkeys.RenamePasskeyForm",
    "login_webauthn": "accounts.passkeys.LoginPasskeyForm",
    "authenticate_webauthn": "accounts.passkeys.SecondStepPasskeyForm",
    "reauthenticate_webauthn": "accounts.passkeys.ReauthenticatePasskeyForm",
}

# Other ways to sign in
SOCIALACCOUNT_PROVIDERS = {}

# Sign-in with Google, when its keys are there
if env("GOOGLE_CLIENT_ID", default=""):
    INSTALLED_APPS += ["allauth.socialaccount.providers.google"]
    SOCIALACCOUNT_PROVIDERS["google"] = {
        "APPS": [
            {
                "client_id": env("GOOGLE_CLIENT_ID"),
                "secret": required(
                    "GOOGLE_CLIENT_SECRET", "", "It belongs to GOOGLE_CLIENT_ID."
                ),
            }
        ],
        "SCOPE": ["profile", "email"],
        "OAUTH_PKCE_ENABLED": True,
    }

# A stand-in for Google that vouches for anybody
if not PRODUCTION and env.bool("DUMMY_PROVIDER", default=SHOP_ENV == "test"):
    INSTALLED_APPS += ["allauth.socialaccount.providers.dummy"]

# Security
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        # Also covers where a POST redirects to: the card page, the Google login.
        "form-action": [
            SELF,
            "https://checkout.stripe.com",
            *(
                ["https://accounts.google.com"]
                if "google" in SOCIALACCOUNT_PROVIDERS
                else []
            ),
        ],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
HTTPS = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(days=30).total_seconds())
CSRF_FAILURE_VIEW = "shop.views.csrf_failure"
if HTTPS:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool(
        "SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True
    )
    SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=True)
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000

# Language and time
LANGUAGE_CODE = "en"
LOCALE_PATHS = [BASE_DIR / "locale"]  # our words for allauth's and Django's
FORMAT_MODULE_PATH = ["shop.formats"]
TIME_ZONE = env("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

# Files
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = env("MEDIA_ROOT", default=str(VAR_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION

# Logs: one line each, to standard error
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "tandem": {"level": env("LOG_LEVEL", default="INFO")},
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}

if SHOP_ENV == "test":
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    MAIL_TRANSPORT = "django.core.mail.backends.locmem.EmailBackend"
    # Where the people of tests have their mailboxes.
    REFERRAL_COMMON_MAIL_DOMAINS += ["example.com"]
    if not REDIS_URL:
        CACHES = {
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        }
