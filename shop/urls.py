"""Every address of the shop; each app's own are in its `urls.py`."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from accounts.views import prove_by_passkey
from catalog import media
from orders.views import stripe_webhook
from shop import account, health, views

handler400 = "shop.views.bad_request"
handler403 = "shop.views.forbidden"
handler404 = "shop.views.not_found"
handler500 = "shop.views.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("about/<slug:slug>/", views.page, name="page"),
    path("", include("catalog.urls")),
    path("", include("orders.urls")),
    path("", include("referrals.urls")),
    path("account/", include((account.urlpatterns, "accounts"))),
    path("accounts/2fa/webauthn/reauthenticate/", prove_by_passkey),
    path("accounts/", include("allauth.urls")),
    path("webhooks/stripe/", stripe_webhook, name="stripe_webhook"),
    path("media/<path:name>", media.serve, name="media"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("robots.txt", views.robots, name="robots"),
    path("favicon.ico", views.favicon),
    path(settings.ADMIN_PATH, admin.site.urls),
]

if settings.SANDBOX:
    urlpatterns += [path("sandbox/", include("shop.sandbox.urls"))]
