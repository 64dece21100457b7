"""Browsers of the demo's people: what the shop would see of them, without its pages.

A browser keeps its cookies, says what it is and where it is. What it does goes through
the verbs and signals that the pages themselves use.
"""

from dataclasses import dataclass, field
from importlib import import_module

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest
from django.test.client import RequestFactory

from accounts.models import User
from catalog.models import Variant
from catalog.signals import product_viewed
from orders.signals import checkout_started, line_added
from referrals import clicks, devices, visits
from referrals.models import ReferralLink

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5) Version/18.5 Mobile Safari/604.1"
LAPTOP = "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_5) Chrome/140.0 Safari/537.36"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Firefox/142.0"
ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140.0 Mobile Safari/537.36"
PREVIEW = "WhatsApp/2.24.20 A"


@dataclass
class Browser:
    """`address` is of a network for documentation, or empty for this machine itself."""

    agent: str = PHONE
    address: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)

    def request(self, path: str = "/", user: User | None = None, **headers):
        """What the shop gets to see when this browser asks for a page."""
        made: HttpRequest = RequestFactory().get(
            path,
            headers={"user-agent": self.agent, "host": settings.SITE_HOST} | headers,
            REMOTE_ADDR=self.address,
        )
        made.COOKIES.update(self.cookies)
        if user:
            made.COOKIES[settings.SESSION_COOKIE_NAME] = "of the demo"
        made.user = user or AnonymousUser()
        # What is said there nobody will read.
        made.session = import_module(settings.SESSION_ENGINE).SessionStore()
        made._messages = CookieStorage(made)
        return made

    def click(
        self,
        link: ReferralLink,
        channel: str = "",
        *,
        query: str = "",
        user: User | None = None,
        **headers,
    ) -> None:
        """Open a link, by the button of a channel, or with more in its query."""
        code = link.codes.filter(retired_at=None, waits_since=None).earliest("pk")
        asked = "&".join(filter(None, [f"c={channel}" if channel else "", query]))
        path = f"/r/{code.display}/?{asked}"
        made = clicks.click(self.request(path, user, **headers), [code.display])
        if made.token:
            self.cookies[settings.REFERRAL_COOKIE] = made.token

    def look_around(self, times: int = 2) -> None:
        """Pages after the click: the second one shows that a person is there."""
        for _ in range(times):
            request = self.request()
            visitor = visits.visitor_of(request)
            if visitor:
                visits.note_view(request, visitor)

    def view(self, sku: str, *, adds: bool = False, checks_out: bool = False) -> None:
        """Look at what a SKU is of; put it into the cart; go on to the checkout."""
        variant = Variant.objects.get(sku=sku)
        request = self.request()
        product_viewed.send_robust(None, request=request, product_id=variant.product_id)
        if adds:
            line_added.send_robust(None, request=request, sku=sku)
        if checks_out:
            checkout_started.send_robust(None, request=request)

    def sign_in(self, user: User) -> None:
        """The shop knows this browser as the user's from now on."""
        request = self.request("/accounts/login/", user)
        user_logged_in.send(type(user), request=request, user=user)
        self.keep(request)

    def keep(self, request: HttpRequest) -> None:
        """The cookies that an answer to this request would plant."""
        for name, attribute in (
            (devices.COOKIE, "_device_token"),
            (settings.REFERRAL_COOKIE, "_referral_token"),
        ):
            token = getattr(request, attribute, "")
            if token:
                self.cookies[name] = token
