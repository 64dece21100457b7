"""Bad input everywhere: no 500, a sentence for a person, nothing lost.

Every address of the resolver is swept as it stands there. A new one needs no line here,
unless it takes an argument (`sweep.EXAMPLES`) or a form (`FORMS`): then a test asks.
"""

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from unittest import mock
from urllib.parse import quote, urlencode, urlsplit

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core import mail
from django.db import transaction
from django.http import QueryDict
from django.test import Client
from django.urls import resolve

from accounts import authenticators
from accounts.models import User
from accounts.tests import software_key
from catalog.tests.factories import make_category, make_product
from orders.tests.factories import (
    ADDRESS,
    give,
    make_cart,
    make_guest_cart,
    make_zone,
    place,
    post_event,
)
from referrals import links
from referrals.tests.factories import PASSWORD, make_link, make_member, make_offer
from shop.tests import sweep

SKU = "MOON-SAGE"
EMAIL = "ada@example.com"
PEOPLE = ["guest", "member"]

# Tables that looking may fill: sessions, and what the referral programme counts.
MAY_GROW = {
    "django_session",
    "referrals_visitor",
    "referrals_visit",
    "referrals_linkday",
    "referrals_activity",
}


class Shop:
    """One lamp, and before it a guest and a member who have it in their carts."""

    def __init__(self):
        make_offer()
        make_zone(["US", "DE"])
        lamps = make_category("Lamps", slug="lamps")
        lamp = make_product(
            slug="moon",
            category=lamps,
            options={"Colour": ["Sage", "Clay"]},
            variants=[
                {"values": ["Sage"], "sku": SKU},
                {"values": ["Clay"], "sku": "MOON-CLAY"},
            ],
        )
        sage = lamp.variants.get(sku=SKU)
        make_link(make_member(), text="ABCD2345")
        self.member = make_member(EMAIL, name="Ada Lovelace")
        make_link(self.member)  # else the first look at the page would make it
        give(self.member, 1000)
        self.clients = {"guest": Client(), "member": Client(), "staff": Client()}
        self.clients["member"].force_login(self.member)
        staff = make_member(is_staff=True, is_superuser=True)
        self.clients["staff"].force_login(staff)
        self.orders = {
            "guest": place(make_guest_cart(self.clients["guest"], {sage: 2})),
            "member": place(make_cart(self.member, {sage: 1})),
        }


class Visit:
    """What one of them does there; afterwards it has not happened."""

    def __init__(self, shop: Shop, who: str):
        self.client, self.order = shop.clients[who], shop.orders.get(who)
        self.member = shop.member
        self.link = self.passkey = None

    def address(self, route: str, **values: str) -> str:
        if route.startswith("orders/") and self.order:
            values.setdefault("code", self.order.code)
        if route.startswith("account/invite/links/") and self.link:
            values.setdefault("pk", str(self.link.pk))
        if route.startswith("accounts/2fa/webauthn/keys/") and self.passkey:
            values.setdefault("pk", str(self.passkey.pk))
        return sweep.address(route, **values)

    def get(self, path: str, **headers):
        return self.client.get(path, headers={"Accept": "text/html", **headers})


@pytest.fixture(scope="module")
def shop(django_db_setup, django_db_blocker):
    """Built once, for hundreds of tests that each leave it as it was."""
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        stack.enter_context(transaction.atomic())
        # Django's client copies the context of every template: a third of the time.
        stack.enter_context(mock.patch("django.test.client.store_rendered_templates"))
        yield Shop()
        transaction.set_rollback(True)


@pytest.fixture
def visit(shop, db, settings, tmp_path):
    settings.ACCOUNT_RATE_LIMITS = False
    settings.SANDBOX_DB = str(tmp_path / "sandbox.sqlite3")
    settings.MEDIA_ROOT = str(tmp_path)
    with ExitStack() as stack:

        def begin(who):
            begun = Visit(shop, who)
            stack.enter_context(sweep.undone(begun.client))
            return begun

        yield begin


PAGES = [route for route in sweep.routes() if not sweep.is_staffs(route)]
STAFF_PAGES = [route for route in sweep.routes() if sweep.is_staffs(route)]
ASKING = [route for route in PAGES if sweep.arguments(route)]


# Forms


def _with_own_link(here: Visit) -> None:
    here.link = links.default_link(here.member)


def _nothing(here: Visit) -> None:
    pass


def _signed_in_lately(here):
    """By password just now, so that nothing asks for it once more."""
    answer = here.client.post(
        "/accounts/login/", {"login": EMAIL, "password": PASSWORD}
    )
    assert answer.status_code == 302


def _signed_up(here):
    form = {"name": "Bo", "email": "bo@example.com", "password1": PASSWORD}
    assert here.client.post("/accounts/signup/", form).status_code == 302


def _proven(here):
    form = {"password": PASSWORD}
    assert here.client.post("/accounts/reauthenticate/", form).status_code == 302


def _has_passkey(here):
    _signed_in_lately(here)
    _proven(here)
    software_key.add_passkey(here.client, software_key.SoftwareKey())
    here.passkey = authenticators.of(here.member).first()


def _at_second_step(here):
    _has_passkey(here)
    here.client.post("/accounts/logout/")
    _signed_in_lately(here)


def _at_new_passkey(here):
    software_key.sign_up_form(here.client, "bo@example.com")
    software_key.type_code(here.client, mail.outbox)


def _at_app(here):
    _signed_in_lately(here)
    _proven(here)
    here.client.get("/accounts/2fa/totp/activate/")


def _has_app(here):
    _at_app(here)
    TOTP.activate(here.member, generate_totp_secret())


def _reset_asked(here):
    answer = here.client.post("/accounts/password/reset/", {"email": EMAIL})
    assert answer.status_code == 302


def _reset_proven(here):
    _reset_asked(here)
    code = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", mail.outbox[-1].body)[0]
    answer = here.client.post("/accounts/password/reset/confirm/", {"code": code})
    assert answer.status_code == 302


def _without_password(here):
    User.objects.filter(pk=here.member.pk).update(password="!")
    here.client.cookies.clear()
    here.client.force_login(User.objects.get(pk=here.member.pk))


@dataclass(frozen=True)
class Form:
    """A form filled in rightly; the sweep bends one field after the other.

    Only some, if it `bends` some, or some of them `together`. What the page that comes
    back has no room for, it `forgets`.
    """

    route: str
    data: dict[str, str]
    who: str = "guest"
    prepare: Callable[[Visit], None] = _nothing
    forgets: tuple[str, ...] = ()
    bends: tuple[str, ...] = ()
    together: tuple[str, ...] = ()

    @property
    def pays(self) -> bool:
        """Whether Stripe may be asked."""
        return self.route in ("checkout/", "orders/<str:code>/pay/")

    def __str__(self):
        return f"{self.who} {self.route}"


_AMERICAN = {key: text for key, text in ADDRESS.items() if text}
_GERMAN = {
    "country": "DE",
    "name": "Ada Lovelace",
    "street": "Am Markt 1",
    "postal_code": "10115",
    "city": "Berlin",
}
# Whole to look at, and signed by nobody.
_CREDENTIAL = json.dumps(
    {
        "type": "public-key",
        "id": "YQ",
        "rawId": "YQ",
        "response": dict.fromkeys(
            ("clientDataJSON", "attestationObject", "authenticatorData", "signature"),
            "e30",
        )
        | {"userHandle": "MQ"},
        "clientExtensionResults": {},
    }
)
_NEW_PASSWORD = "three bicycles for six people"

FORMS = [
    Form("p/<slug:slug>/", {"o_colour": "clay", "quantity": "2", "variant": SKU}),
    Form("cart/add/", {"variant": SKU, "quantity": "1", "o_colour": "sage"}),
    # A line that the cart does not have cannot show what was typed for it.
    *(
        Form(
            "cart/change/",
            {"variant": SKU, "quantity": "3", "do": "update"},
            who,
            forgets=("quantity",),
        )
        for who in PEOPLE
    ),
    Form(
        "checkout/",
        {"email": EMAIL, **_AMERICAN, "expected_due": "10500"},
        together=("name", "street", "city"),
    ),
    # The wrong amount: everything is judged, and nothing ordered.
    Form("checkout/", {"email": EMAIL, **_GERMAN, "expected_due": "1"}),
    Form(
        "checkout/",
        {
            "keep_address": "on",
            "use_balance": "on",
            "balance_amount": "2.00",
            "expected_due": "1",
            **_GERMAN,
        },
        "member",
        bends=("keep_address", "use_balance", "balance_amount"),
    ),
    Form(
        "checkout/",
        {"email": EMAIL, **_AMERICAN, "update": "country"},
        together=("email", *_AMERICAN),
    ),
    Form("orders/find/", {"code": "Q3XN8VTA", "email": EMAIL}),
    Form("orders/<str:code>/pay/", {"t": "the link's own"}),
    Form("orders/<str:code>/pay/", {"t": ""}, "member"),
    Form("orders/<str:code>/cancel/", {"t": "the link's own", "version": "0f"}),
    Form("orders/<str:code>/cancel/", {"t": "", "version": "0f"}, "member"),
    Form("invitation/dismiss/", {"next": "/new/"}),
    Form("invitation/keep/", {"answer": "yes", "invited": "abc", "next": "/new/"}),
    Form("invitation/keep/", {"answer": "no", "invited": "abc", "next": "/new/"}),
    Form("account/code/", {"code": "ABCD2345", "next": "/cart/"}, "member"),
    Form("account/invite/links/add/", {"label": "Flyer"}, "member"),
    Form("account/invite/links/item/", {"product": "moon"}, "member"),
    *(
        Form(f"account/invite/links/<int:pk>/{verb}/", data, "member", _with_own_link)
        for verb, data in [("code", {"code": "LUNA"}), ("renew", {}), ("end", {})]
    ),
    Form("account/invite/cards/print/", {}, "member"),
    Form("account/invite/news/read/", {}, "member"),
    Form("account/invite/news/later/", {}, "member"),
    Form("account/invite/news/mails/", {"tells_joined": "on"}, "member"),
    Form("account/invite/board/join/", {"name": "Heron"}, "member"),
    Form("account/invite/board/leave/", {}, "member"),
    Form(
        "account/invite/name/", {"name": "Ada Lovelace", "shows_name": "on"}, "member"
    ),
    Form("name/report/<str:token>/", {}),
    Form("shared-cart/", {"picked": "1", "note": "For you"}, "member"),
    Form("shared-cart/<str:token>/", {}),
    Form(
        "accounts/login/",
        {"login": EMAIL, "password": PASSWORD, "remember": "on", "next": "/cart/"},
    ),
    Form("accounts/logout/", {"next": "/"}, "member"),
    Form(
        "accounts/signup/",
        {
            "name": "Bo",
            "email": "bo@example.com",
            "password1": PASSWORD,
            "shows_name": "on",
            "invitation_code": "ABCD2345",
            "invited": "",
            "website": "",
            "next": "/cart/",
        },
    ),
    Form(
        "accounts/signup/passkey/",
        {
            "name": "Bo",
            "email": "bo@example.com",
            "shows_name": "on",
            "invitation_code": "ABCD2345",
            "invited": "",
            "website": "",
            "next": "/cart/",
        },
    ),
    Form(
        "accounts/2fa/webauthn/signup/",
        {"name": "Phone", "credential": _CREDENTIAL},
        prepare=_at_new_passkey,
    ),
    Form("accounts/2fa/webauthn/login/", {"credential": _CREDENTIAL}),
    Form(
        "accounts/2fa/webauthn/add/",
        {"name": "Phone", "credential": _CREDENTIAL, "passwordless": "on"},
        "member",
        _has_passkey,
    ),
    Form(
        "accounts/2fa/webauthn/reauthenticate/",
        {"credential": _CREDENTIAL, "next": "/"},
        "member",
        _has_passkey,
    ),
    Form(
        "accounts/2fa/webauthn/keys/<int:pk>/edit/",
        {"name": "Phone"},
        "member",
        _has_passkey,
    ),
    Form("accounts/2fa/webauthn/keys/<int:pk>/remove/", {}, "member", _has_passkey),
    *(
        Form("accounts/2fa/authenticate/", data, "member", _at_second_step)
        for data in ({"code": "123456"}, {"credential": _CREDENTIAL})
    ),
    Form(
        "accounts/2fa/reauthenticate/",
        {"code": "123456", "next": "/"},
        "member",
        _has_passkey,
    ),
    Form("accounts/2fa/totp/activate/", {"code": "123456"}, "member", _at_app),
    Form("accounts/2fa/totp/deactivate/", {}, "member", _has_app),
    Form("accounts/2fa/recovery-codes/generate/", {}, "member", _has_passkey),
    Form(
        "accounts/confirm-email/",
        {"code": "123456", "action": "verify"},
        prepare=_signed_up,
        forgets=("code",),  # when it is asked to do something else
    ),
    Form("accounts/reauthenticate/", {"password": PASSWORD, "next": "/"}, "member"),
    # Another balance than is shown: everything is judged, and nobody leaves.
    Form(
        "account/privacy/close/",
        {"left": "USD:1", "understood": "on"},
        "member",
        prepare=_proven,
        forgets=("left", "understood"),
    ),
    Form(
        "accounts/email/",
        {"email": "new@example.com", "action_add": ""},
        "member",
        _signed_in_lately,
    ),
    Form(
        "accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": _NEW_PASSWORD, "password2": ""},
        "member",
        _signed_in_lately,
    ),
    Form(
        "accounts/password/set/",
        {"password1": _NEW_PASSWORD, "password2": _NEW_PASSWORD},
        "member",
        _without_password,
    ),
    Form("accounts/password/reset/", {"email": EMAIL}),
    Form("accounts/password/reset/confirm/", {"code": "ABC-DEF"}, prepare=_reset_asked),
    Form(
        "accounts/password/reset/complete/",
        {"password1": _NEW_PASSWORD, "password2": _NEW_PASSWORD},
        prepare=_reset_proven,
    ),
    Form("accounts/login/code/confirm/", {"code": "ABC-DEF"}),
    Form("accounts/3rdparty/", {"account": "1"}, "member"),
]

# Fields that count something.
COUNTING = {"quantity", "expected_due", "balance_amount", "code", "page"}


def _ways():
    """Which fields to bend, together, and into what."""
    for form in FORMS:
        if form.together:
            yield form, form.together, sweep.TEXTS | sweep.NUMBERS
            continue
        for name in form.bends or form.data:
            more = sweep.NUMBERS if name in COUNTING else {}
            more |= sweep.WAYS if name == "next" else {}
            yield form, (name,), sweep.TEXTS | more
        yield form, form.bends or tuple(form.data), sweep.NUMBERS


WAYS = [
    pytest.param(*way, id=f"{way[0]} {way[1][0] if len(way[1]) == 1 else 'together'}")
    for way in _ways()
]

# These take a POST and have no form of ours.
FORMLESS = {
    "account/invite/mail/": "off; test_invitations has it on",
    "invitation/stop/<str:token>/": "one click in a mail program, in test_invitations",
    "webhooks/stripe/": "signed bodies only, tested below",
    "healthz": "answers whoever asks",
    "readyz": "answers whoever asks",
    "sandbox/stripe": "Stripe's stand-in has tests of its own",
    "sandbox/stripe/": "Stripe's stand-in has tests of its own",
    "sandbox/stripe/<path:path>": "Stripe's stand-in has tests of its own",
    "accounts/inactive/": "allauth's page with nothing to fill in",
    "accounts/2fa/recovery-codes/download/": "a file, for whoever has codes",
    "accounts/password/reset/done/": "allauth's page with nothing to fill in",
    "accounts/3rdparty/signup/": "nobody comes here without a provider's answer",
    "accounts/3rdparty/login/cancelled/": "allauth's page with nothing to fill in",
    "accounts/3rdparty/login/error/": "allauth's page with nothing to fill in",
    "accounts/social/login/cancelled/": "an old address that leads on",
    "accounts/social/login/error/": "an old address that leads on",
    "accounts/social/signup/": "an old address that leads on",
    "accounts/social/connections/": "an old address that leads on",
    "accounts/dummy/login/": "in tests only",
    "accounts/dummy/authenticate/": "in tests only",
}


def _data(here, form):
    """The form's own data, with what only this here knows."""
    if form.data.get("t"):
        return form.data | {"t": here.order.access_token}
    return form.data


# The tests


def test_every_address_has_an_example(visit):
    here = visit("guest")

    for route in PAGES:
        path = here.address(route)
        assert resolve(path).route == route, f"{path} does not lead to {route}"


def test_every_form_is_swept(visit):
    here = visit("member")
    swept = {form.route for form in FORMS} | set(FORMLESS)

    for route in PAGES:
        if route not in swept:
            answer = here.client.post(here.address(route))
            assert answer.status_code == 405, f"{route} takes a POST: name it in FORMS"


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("route", PAGES)
def test_looking_changes_nothing(visit, route, who):
    here = visit(who)
    path = here.address(route)
    before = sweep.row_counts(), sweep.belongings()

    answer = here.get(path)
    head = here.client.head(path)

    assert answer.status_code < 500
    assert head.status_code in (answer.status_code, 405) or "dummy" in route
    assert not head.content
    _assert_grown(before[0])
    assert sweep.belongings() == before[1]


@pytest.mark.parametrize("route", PAGES)
def test_a_wrong_method_gets_a_sentence(visit, route):
    here = visit("member")
    path = here.address(route)
    before = sweep.belongings()

    for method in ("get", "put", "patch", "delete", "options", "trace"):
        answer = getattr(here.client, method)(path)
        _assert_an_answer(answer, method)
        if answer.status_code == 405:
            assert sweep.has_a_sentence(answer), method
            assert answer.headers["Allow"]

    # allauth's forms read a PUT as they read a POST; without fields it is refused.
    assert sweep.belongings() == before


@pytest.mark.parametrize("route", ASKING)
def test_a_mistyped_address_is_no_error(visit, route):
    here = visit("guest")
    before = sweep.row_counts()

    for what, text in (sweep.GARBAGE | {"NUL": sweep.NUL}).items():
        for name in sweep.arguments(route):
            path = here.address(route, **{name: quote(text, safe="")})
            answer = here.get(path)
            _assert_an_answer(answer, what)

    _assert_grown(before)


LINKS = ("/r/", "/ref/", "/referral/")
# Short enough for the first line of a request.
QUERIES = {
    what: (sweep.TEXTS | sweep.NUMBERS | sweep.WAYS)[what][:3000]
    for what in (
        "negative",
        "digits",
        "digits of elsewhere",
        "escapes in escapes",
        "emoji and marks",
        "NUL",
        "code",
        "elsewhere",
    )
}


@pytest.mark.parametrize("route", PAGES)
def test_any_query_is_answered(visit, route):
    path = visit("guest").address(route)
    is_private = "/login/" in visit("guest").get(path).headers.get("Location", "")
    here = visit("member" if is_private else "guest")
    path = here.address(route)
    read = _parameters_read(here, path)
    before = sweep.row_counts()

    for what, text in QUERIES.items():
        queries = [[(name, text)] for name in read]
        if what == "digits":
            queries += [[(name, text) for name in sweep.PARAMETERS] * 2]
        for query in queries:
            answer = here.get(f"{path}?{urlencode(query)}")
            _assert_an_answer(answer, f"{what} in {query[-1][0]}")
            if what == "NUL":  # links lead home with it
                assert answer.status_code == (302 if path.startswith(LINKS) else 400)

    _assert_grown(before)


@pytest.mark.parametrize("path", ["/p/moon/", "/r/ABCD2345"])
@pytest.mark.parametrize("name", ["r", "r[0]", "next"])
def test_any_code_is_answered(visit, path, name):
    here = visit("guest")

    for what, text in (sweep.GARBAGE | sweep.WAYS | sweep.TEXTS).items():
        for query in ([(name, text)], [(name, text), ("r", "ABCD2345"), (name, "")]):
            answer = here.get(f"{path}?{urlencode(query)}")
            _assert_an_answer(answer, what)


@pytest.mark.parametrize(("form", "names", "values"), WAYS)
def test_a_bad_field_loses_nothing(visit, request, form, names, values):
    if form.pays:
        request.getfixturevalue("stripe_sandbox")
    here = visit(form.who)
    form.prepare(here)
    path, data = here.address(form.route), _data(here, form)
    before, followed = sweep.belongings(), set()

    shapes = sweep.bent(data, names, values)
    if len(names) == 1:
        shapes |= sweep.misshapen(data, *names)
    for what, bad in shapes.items():
        with sweep.undone(here.client):
            answer = here.client.post(path, bad)
            _assert_an_answer(answer, what)
            target = answer.headers.get("Location", "")
            if not target:
                assert sweep.has_a_sentence(answer), what
                assert sweep.belongings() == before, what
                _assert_kept(answer, form, bad, names, what)
                continue
            _assert_nothing_lost(before, form)
            if target not in followed and not urlsplit(target).netloc:
                followed.add(target)
                page = here.get(target)
                _assert_an_answer(page, what)
                assert sweep.words(page), what


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_body_that_is_no_form_is_refused(visit, request, form):
    if form.pays:
        request.getfixturevalue("stripe_sandbox")
    here = visit(form.who)
    form.prepare(here)
    path, before = here.address(form.route), sweep.belongings()
    plain = "application/x-www-form-urlencoded"
    bodies = {
        "JSON": (json.dumps(_data(here, form)), "application/json"),
        "a list": ("[1, 2]", "application/json"),
        "broken parts": ("--x\r\nbroken", "multipart/form-data; boundary=x"),
        "no boundary": ("a=1", "multipart/form-data"),
        "odd letters": (b"%ff=\xff&a=%&=&&==", plain),
        "odd charset": ("a=1", f"{plain}; charset=odd"),
        "many fields": ("a=1&" * 2_000, plain),
        "3 MB": (b"a=" + b"x" * 3_000_000, plain),
    }

    for what, (body, kind) in bodies.items():
        with sweep.undone(here.client):
            answer = here.client.generic("POST", path, body, kind)
            _assert_an_answer(answer, what)
            assert sweep.belongings() == before, what


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_form_from_elsewhere_is_refused(visit, form):
    here = visit(form.who)
    form.prepare(here)
    before = sweep.belongings()
    stranger = Client(enforce_csrf_checks=True)
    stranger.cookies = here.client.cookies

    answer = stranger.post(here.address(form.route), _data(here, form))

    assert answer.status_code == 403
    assert "Nothing was sent" in sweep.words(answer)
    assert sweep.belongings() == before


COOKIES = ["sessionid", "csrftoken", "messages", "tandem_cart", "tandem_visit", "other"]


@pytest.mark.parametrize("name", COOKIES)
def test_any_cookie_is_answered(visit, name):
    visit("guest")
    names = ("emoji", "markup", "slash", "digits", "nothing")
    texts = [sweep.GARBAGE[name] for name in names]
    texts += ["a" * 22, '"a\\000bcdefghij"', "x" * 8000, ";"]

    for text in texts:
        header = f"{name}={text}".encode().decode("latin-1")
        for path in ("/cart/", "/account/"):
            answer = Client().get(path, HTTP_COOKIE=header)
            assert answer.status_code in (200, 302), f"{path} with {text[:40]!r}"


HEADERS = [
    *["Host", "Referer", "Origin", "Accept", "Accept-Language", "User-Agent", "Range"],
    *["HX-Request", "HX-Current-URL", "HX-Target", "X-Requested-With", "Sec-Purpose"],
    *["X-Forwarded-For", "X-Forwarded-Host", "Content-Type", "If-None-Match"],
]


@pytest.mark.parametrize("name", HEADERS)
def test_any_header_is_answered(visit, name):
    here = visit("guest")

    names = ("2 kB", "emoji", "markup", "newline", "nothing")
    for text in [*map(sweep.GARBAGE.get, names), "http://[", "localhost:99999999"]:
        sent = text.encode().decode("latin-1").replace("\r\n", " ")
        for path in ("/cart/", "/?r=ABCD2345"):
            _assert_an_answer(here.get(path, **{name: sent}), f"{text[:40]} at {path}")


SIGNATURES = {
    "none": "",
    "time only": "t=1",
    "no time": "t=x,v1=y",
    "empty": "v1=",
    "not ASCII": "t=1,v1=é",
    "endless time": f"t={'9' * 5000},v1=a",
    "before time": f"t=-1,v1={'a' * 64}",
    "right to left": "\u202e",
    "commas": "," * 9000,
}


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES)
def test_a_webhook_nobody_signed_is_refused(visit, signature):
    here = visit("guest")
    before = sweep.row_counts()

    for body in (b"", b"{}", b"[]", b"null", b"\0", b"\xff", b"{" * 9000, b"1" * 9000):
        answer = post_event(here.client, body, signature)
        assert answer.status_code == 400
        assert answer.content == b"Not signed by Stripe."

    assert sweep.row_counts() == before


@pytest.mark.parametrize("who", PEOPLE)
def test_staff_pages_open_to_nobody_else(visit, who):
    here = visit(who)
    before = sweep.row_counts()
    refusals = {301, 302} | ({403} if who == "member" else set())

    for route in STAFF_PAGES:
        path = here.address(route)
        answer = here.get(f"{path}?q=%27&p=-1&o=x&e=1&next=//evil.example")
        assert answer.status_code in refusals or path.endswith("jsi18n/"), path
        _assert_an_answer(answer, path)

    _assert_grown(before)


def test_staff_lists_bear_any_query(visit):
    here = visit("staff")
    before = sweep.row_counts()
    texts = dict.fromkeys(("q", "o", "e", "status__exact", "source"), "💥'<script>")
    numbers = dict.fromkeys(("p", "all", "pk__in", "created_at__gte"), "9" * 30)
    query = urlencode(texts | numbers)

    for route in STAFF_PAGES:
        if not sweep.arguments(route):
            _assert_an_answer(here.get(f"{here.address(route)}?{query}"), route)

    _assert_grown(before)


def test_staff_addresses_bear_any_id(visit):
    here = visit("staff")
    before = sweep.row_counts()

    for route in STAFF_PAGES:
        if "history" in route or "delete" in route:
            continue  # read as the page beside them
        for text in ("9" * 30, "%F0%9F%92%A5_5F'"):
            for name in sweep.arguments(route):
                answer = here.get(here.address(route, **{name: text}))
                _assert_an_answer(answer, route)

    _assert_grown(before)


# What is asserted of every answer


def _assert_an_answer(answer, said):
    # A guess of the browser is refused with 503, and nobody reads it.
    assert answer.status_code < 500 or answer.status_code == 503, said
    if 400 <= answer.status_code < 500:
        assert sweep.words(answer), f"{said}: an empty page"
    target = urlsplit(answer.headers.get("Location", ""))
    assert target.scheme in ("", "http"), said
    ours = ("", settings.SITE_HOST, "testserver")
    assert target.netloc in ours or target.hostname == "127.0.0.1", said


def _assert_grown(before):
    after = sweep.row_counts()
    grown = {table for table in after if after[table] != before[table]}
    assert grown <= MAY_GROW, f"looking wrote into {grown - MAY_GROW}"


def _assert_kept(answer, form, typed, bent, what):
    """The page that comes back holds what was typed."""
    shown = sweep.shown_in(answer)
    for name, text in typed.items():
        if name not in shown or not isinstance(text, str) or name in form.forgets:
            continue
        # A choice that is none, and blanks, cannot be shown.
        is_shown = text.strip() and name not in ("country", "region")
        if is_shown or name not in bent:
            assert text in shown[name], f"{what}: {name} was lost"


def _assert_nothing_lost(before, form):
    after = sweep.belongings()
    assert len(after["people"]) >= len(before["people"])
    assert len(after["orders"]) >= len(before["orders"])
    assert after["transfers"] >= before["transfers"]
    if form.route not in ("cart/change/", "accounts/login/"):
        assert len(after["cart lines"]) >= len(before["cart lines"])


def _parameters_read(here, path):
    """The names that a page asks its query string for."""
    read = set()

    def spy(name):
        original = getattr(QueryDict, name)

        def reading(self, key, *args):
            read.add(key)
            return original(self, key, *args)

        return mock.patch.object(QueryDict, name, reading)

    with ExitStack() as stack:
        for name in ("__getitem__", "__contains__", "getlist"):
            stack.enter_context(spy(name))
        here.get(f"{path}?nothing=1")
    return sorted(read - {"nothing"})
