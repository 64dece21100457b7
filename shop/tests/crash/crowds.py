"""Two hundred customers with intentions of their own, and the staff who refund some."""

import queue
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

from orders.tests.factories import ADDRESS
from referrals.tests.factories import PASSWORD
from shop.tests.crash.browsers import Browser, Page, Pulse

PLAIN = "4242424242424242"
DECLINED = "4000000000000002"
SECURE = "4000002500003155"
SLOW_REFUND = "4000000000007726"
FAILING_REFUND = "4000000000005126"
CARD = {"expiry": "12 / 34", "cvc": "123", "name": "Ada Lovelace"}
STAFF = "staff@example.com"

# Looks at a page that says "in a moment", and presses of a button that did not answer.
MOST_LOOKS = 300
MOST_PRESSES = 20
LOOK_AGAIN_SECONDS = 0.3


@dataclass(frozen=True)
class Persona:
    """What somebody is going to do; `refund` is what staff do for them later."""

    cards: tuple[str, ...] = (PLAIN,)
    ends: str = "pays"  # or "abandons", "cancels", "changes the cart"
    account: str = ""  # "friend" or "rich"
    refund: str = ""  # "part" or "whole"
    number: int = 0
    basket: tuple[tuple[str, int], ...] = ()

    @property
    def email(self) -> str:
        return f"{self.account or 'guest'}@house-{self.number}.example"


CROWD = (
    (62, Persona()),
    (12, Persona(refund="part")),
    (10, Persona(refund="whole")),
    (12, Persona(cards=(DECLINED, PLAIN))),
    (14, Persona(cards=(SECURE,))),
    (4, Persona(cards=(SECURE,), refund="part")),
    (8, Persona(cards=(SLOW_REFUND,), refund="whole")),
    (8, Persona(cards=(FAILING_REFUND,), refund="whole")),
    (16, Persona(ends="abandons")),
    (14, Persona(ends="cancels")),
    (10, Persona(ends="changes the cart")),
    (12, Persona(account="friend")),
    (4, Persona(account="friend", refund="part")),
    (4, Persona(account="friend", refund="whole")),
    (4, Persona(account="friend", ends="cancels")),
    (4, Persona(account="rich")),
    (2, Persona(account="rich", ends="cancels")),
)


def crowd(chance: random.Random) -> list[Persona]:
    """All of them in the order they come; the same for the same seed."""
    people = [persona for count, persona in CROWD for _ in range(count)]
    chance.shuffle(people)
    baskets = [
        (("LAMP", 1),),
        (("LAMP", 2),),
        (("VASE", 3),),
        (("LAMP", 1), ("VASE", 2)),
    ]
    return [
        replace(persona, number=number, basket=chance.choice(baskets))
        for number, persona in enumerate(people)
    ]


@dataclass
class Diary:
    """What the crowd saw and did, to be compared with the books."""

    ended: Counter = field(default_factory=Counter)
    thanked: dict[str, str] = field(default_factory=dict)  # email: order
    cancelled: set[str] = field(default_factory=set)
    refunded: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class Stream:
    """Everybody acts at once: some customers at a time, and two of the staff."""

    def __init__(self, site, sandbox, wares, people, *, at_once=8):
        self.site, self.sandbox, self.wares = site, sandbox, wares
        self.pulse = Pulse()
        self.diary = Diary()
        self._waiting = queue.Queue()
        self._to_refund = queue.Queue()
        for persona in people:
            self._waiting.put(persona)
        self._customers = [self._thread(self._come_and_go) for _ in range(at_once)]
        self._staff = [self._thread(self._serve, person) for person in (1, 2)]

    def run(self) -> None:
        """Until the last customer has left and the last refund is asked for."""
        for thread in self._customers + self._staff:
            thread.start()
        for thread in self._customers:
            thread.join()
        for _ in self._staff:
            self._to_refund.put(None)
        for thread in self._staff:
            thread.join()

    def _thread(self, act, *arguments):
        def guarded():
            try:
                act(*arguments)
            except Exception as error:
                self.diary.failures.append(f"{act.__name__}: {error!r}")

        return threading.Thread(target=guarded, daemon=True)

    def _come_and_go(self):
        while True:
            try:
                persona = self._waiting.get_nowait()
            except queue.Empty:
                return
            try:
                self._live(persona)
            except Exception as error:
                self.diary.failures.append(f"{persona}: {error!r}")

    def _live(self, persona):
        browser = Browser(self.site, self.pulse, persona.number)
        customer = Customer(persona, browser, self.sandbox, self.wares)
        if persona.account:
            sign_in(browser, persona.email)
        code = customer.buy()
        self.diary.ended[persona.ends] += 1
        if not code:
            return
        self.diary.thanked[persona.email] = code
        if persona.ends == "cancels":
            customer.cancel(code)
            self.diary.cancelled.add(code)
        if persona.refund:
            self._to_refund.put((code, persona.refund))

    def _serve(self, person):
        browser = Browser(self.site, self.pulse, 1000 + person)
        sign_in(browser, STAFF)
        while task := self._to_refund.get():
            code, kind = task
            give_back(browser, code, kind)
            self.diary.refunded.add(code)


class Customer:
    """From the shelf to the thank-you page, whatever breaks on the way."""

    def __init__(self, persona: Persona, browser: Browser, sandbox: str, wares: dict):
        self.persona = persona
        self.browser = browser
        self.sandbox = sandbox
        self.wares = wares

    def buy(self) -> str:
        """The code of the order that the shop gave thanks for; empty if none."""
        for sku, quantity in self.persona.basket:
            self._add(sku, quantity)
        page = self._check_out()
        if self.persona.ends == "changes the cart":
            self._add("VASE", 1)
            page = self._check_out()
        if self.persona.ends == "abandons":
            return ""
        if self._is_at_stripe(page):
            page = self._pay(page)
        return self._thanks(page)

    def cancel(self, code: str) -> None:
        """Take the order back; pressing again finds it cancelled."""
        for _ in range(MOST_PRESSES):
            page = self.browser.get(f"/orders/{code}/cancel/?{self.key}")
            form = page.find_form(to=f"/orders/{code}/cancel/")
            if not form:
                return
            self.browser.submit(form)
        raise AssertionError(f"order {code} could not be cancelled")

    def _add(self, sku, quantity):
        page = self.browser.get(self.wares[sku])
        self.browser.submit(page.form(to="/cart/add/"), quantity=str(quantity))

    def _check_out(self):
        """To Stripe's page, or to the thanks where balance pays for all."""
        page = self.browser.get("/checkout/")
        for _ in range(MOST_PRESSES):
            if self._is_at_stripe(page) or "/checkout/return/" in page.url:
                return page
            if form := page.find_form(
                to="/pay/"
            ):  # the order stands, its page did not open
                page = self.browser.submit(form)
            elif form := page.find_form(to="/checkout/", has="expected_due"):
                page = self.browser.submit(form, **self._typed())
            else:
                page = self._own_order() or self.browser.get("/checkout/")
        raise AssertionError(f"no way to pay from {page.url}")

    def _typed(self):
        address = {name: value for name, value in ADDRESS.items() if value}
        # Many friends behind one door would be looked at before a reward is paid.
        address["street"] = f"{self.persona.number} Analytical Row"
        if self.persona.account:
            return address
        return address | {"email": self.persona.email}

    def _own_order(self):
        """Balance paid, and the answer was lost: the order is in the account."""
        page = self.browser.get("/account/orders/")
        found = re.search(r"/orders/([A-Z0-9]{8})/", page.text)
        return found and self.browser.get(f"/checkout/return/?order={found[1]}")

    def _is_at_stripe(self, page: Page) -> bool:
        return page.url.startswith(self.sandbox)

    def _pay(self, page):
        """Card after card, until one is taken."""
        for number in self.persona.cards:
            form = page.form(to="/pay/", has="number")
            page = self.browser.submit(form, **CARD, number=number)
        if form := page.find_form(to="/authenticate"):
            page = self.browser.submit(form, outcome="complete")
        return page

    def _thanks(self, page):
        way = page.url
        self.key = urlsplit(way).query
        for _ in range(MOST_LOOKS):
            if "<h1>Thank you" in page.text:
                return parse_qs(self.key)["order"][0]
            time.sleep(LOOK_AGAIN_SECONDS)
            page = self.browser.get(way)
        raise AssertionError(f"no thanks at {way}")


def sign_in(browser: Browser, email: str) -> None:
    page = browser.get("/accounts/login/")
    form = page.form(to="/accounts/login/", has="password")
    for _ in range(MOST_PRESSES):
        page = browser.submit(form, login=email, password=PASSWORD)
        if "/accounts/login/" not in page.url:
            return
    raise AssertionError(f"{email} could not sign in: {page}")


def give_back(browser: Browser, code: str, kind: str) -> None:
    """Refund once: after a broken answer staff look before they press again."""
    order = browser.get(f"/admin/orders/order/?q={code}").url
    refund_page = re.sub(r"/change/.*", "/refund/", order)
    wish = {"reason": "Came damaged"}
    wish |= (
        {"amount": "3.50"} if kind == "part" else {"everything": "on", "restock": "on"}
    )
    for _ in range(MOST_PRESSES):
        if _refunds(browser, code):
            return
        page = browser.get(refund_page)
        form = page.form(to="/refund/", has="amount")
        form.fields.pop("restock", None)
        sheet = browser.submit(form, **wish)
        if form := sheet.find_form(to="/refund/", has="version"):
            browser.submit(form)
    raise AssertionError(f"order {code} could not be refunded")


def _refunds(browser, code):
    page = browser.get(f"/admin/orders/refund/?q={code}")
    return re.findall(r"/admin/orders/refund/(\d+)/change/", page.text)
