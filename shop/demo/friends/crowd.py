"""Everybody else: the visits of three months, Anna's friends, a customer who left.

Visits are many and the same every time. Most had a person behind them; machines look
at links, too, and some people come after a link has ended.
"""

import random

from django.conf import settings

from accounts import adjustments, privacy
from accounts.models import Adjustment
from referrals import visits
from referrals.models import ReferralLink
from shop.demo import errands, people
from shop.demo.friends.browsers import (
    ANDROID,
    DESK,
    LAPTOP,
    PHONE,
    PREVIEW,
    Browser,
)
from shop.demo.friends.coming import come, known, link_of, person
from shop.demo.friends.maya import MAYA
from shop.demo.friends.offer import LEE, STALL, STALL_OPENED, dollars, robin
from shop.demo.friends.priya import PRIYA
from shop.demo.friends.tomas import TOMAS
from shop.demo.story import Calendar, Scene

_BEN = person("Ben Karlsen", "ben@tandem.example")
_NOOR = person("Noor Haddad", "noor@tandem.example", shows_name=False)
_SAM = person("Sam Ortiz", "sam@ortiz.example")

_WEEKS = 9
_CHANNELS = [
    *["whatsapp", "whatsapp", "whatsapp", "copy", "copy", "instagram", "facebook"],
    *["email", "qr", "messenger", ""],
]
_AGENTS = [PHONE, PHONE, ANDROID, LAPTOP, DESK]
_LOOKED_AT = ["TG-MOO-OAK", "TG-DOM-CHAL", "TG-LEV-CHAL", "TG-WEF-OAT-45"]


def scenes(calendar: Calendar) -> list[Scene]:
    day = calendar.day
    return [
        _visits(day),
        _ben(day),
        _noor(day),
        _sam(day),
        _adjustments(calendar),
    ]


def _visits(day):
    """A few each day, and more from month to month."""
    luck = random.Random(1869)
    for ago in range(7 * _WEEKS, 0, -1):
        yield day(ago, 19, luck.randrange(60))
        shared = [link_of(MAYA)] * 3 + [link_of(each) for each in (TOMAS, PRIYA)]
        shared += [link_of(people.CUSTOMER)]
        if ago < STALL_OPENED:
            shared += [_stalls("Poster at the stall")]
        for _ in range(luck.randint(1, 5 - ago // 16)):
            _visit(luck, luck.choice(shared))
        if luck.random() < 0.3:
            Browser(PREVIEW).click(luck.choice(shared))
        if ago < STALL_OPENED and ago % 9 == 0:
            Browser(PHONE).click(_stalls("Leaflet of last autumn"), "paper")


def _visit(luck, link):
    browser = Browser(luck.choice(_AGENTS))
    browser.click(link, luck.choice(_CHANNELS))
    fate = luck.random()
    browser.look_around(2 if fate < 0.75 else 1 if fate < 0.9 else 0)
    if fate < 0.3:
        sku = luck.choice(_LOOKED_AT)
        browser.view(sku, adds=fate < 0.15, checks_out=fate < 0.08)
    elif fate > 0.96:
        visits.dismiss(visits.visitor_of(browser.request()))


def _ben(day):
    browser = Browser(LAPTOP)
    ben = yield from come(
        day(31, 20), _BEN, people.CUSTOMER, "whatsapp", browser=browser
    )
    yield day(26, 20)
    errands.buy(ben, {"TG-DUN-INK": 2})


def _noor(day):
    yield from come(day(3, 20), _NOOR, people.CUSTOMER, "whatsapp")
    yield day(1, 21)
    Browser(ANDROID).click(link_of(people.CUSTOMER), "whatsapp")


def _sam(day):
    """A customer who closed the account, and is not new when he comes back."""
    yield day(85, 12)
    sam = people.join(_SAM)
    yield day(74, 12)
    errands.buy(sam, {"TG-NOO-WALN": 1})
    yield day(66, 12)
    asked = _give(sam, 5500, known(LEE), "A clock that stopped twice")
    adjustments.confirm(asked.pk, actor=robin())
    yield day(44, 12)
    privacy.close(sam, gives_up=privacy.leaves_behind(sam))
    yield from come(day(36, 10), _SAM, PRIYA, "email", browser=Browser(DESK))


def _adjustments(calendar):
    """Given, taken, refused, and one that waits for a second person."""
    yield calendar.day(33, 11)
    priya, maya = known(PRIYA), known(MAYA)
    _give(priya, 300, robin(), "A parcel that came late")
    yield calendar.day(32, 11)
    _give(priya, 100, robin(), "Given twice by mistake", is_credit=False)
    yield calendar.day(11, 11)
    asked = _give(maya, 8000, known(LEE), "Wrote about us in a magazine")
    yield calendar.day(10, 11)
    adjustments.refuse(asked.pk, actor=robin(), reason="Too much for one article")
    yield calendar.day(1, 11)
    _give(maya, 6000, known(LEE), "Photographs for our autumn letter")


def _give(owner, cents, actor, reason, is_credit=True) -> Adjustment:
    return adjustments.ask(
        owner=owner,
        amount=dollars(cents),
        is_credit=is_credit,
        currency=settings.SHOP_CURRENCY,
        reason=reason,
        words=reason,
        token=f"demo:{owner.pk}:{cents}",
        actor=actor,
    )


def _stalls(label):
    return ReferralLink.objects.get(campaign__name=STALL, label=label)
