"""A member whose friends' orders came undone, each in its own way.

Rosa returned one of two, Yuki everything, Amara so much that too little was left.
Lucia's bank took the money back, Viktor cancelled. Four friends bought on one day when
two were the most, and staff granted a third. A milestone went with the returns, and
some credit is owed.
"""

from django.conf import settings

from accounts import ledger
from accounts.models import LedgerAccount
from referrals import board, grants, notices
from referrals.models import Reward
from shop.demo import errands, people
from shop.demo.friends.coming import come, known, person
from shop.demo.friends.offer import dollars, robin
from shop.demo.story import Calendar, Scene

TOMAS = people.Person(
    "Member with returns",
    "tomas@tandem.example",
    "Tomás Rivera",
    shows="credit taken back, credit owed",
)
_ROSA = person("Rosa Delgado", "rosa@delgado.example")
_LUCIA = person("Lucia Marino", "lucia@marino.example")
_YUKI = person("Yuki Tanaka", "yuki@tanaka.example")
_AMARA = person("Amara Diallo", "amara@diallo.example")
_PAVEL = person("Pavel Novák", "pavel@novak.example", shows_name=False)
_SOFIA = person("Sofia Petridou", "sofia@petridou.example")
_VIKTOR = person("Viktor Lund", "viktor@lund.example")
_KOFI = person("Kofi Mensah", "kofi@mensah.example")


def scenes(calendar: Calendar) -> list[Scene]:
    day = calendar.day
    return [
        _tomas(day),
        _rosa(day),
        _lucia(day),
        _yuki(day),
        _amara(day),
        _pavel(day),
        _sofia(day),
        _viktor(day),
        _kofi(day),
    ]


def _tomas(day):
    yield day(99, 20)
    tomas = people.join(TOMAS)
    yield day(60, 20)
    board.join(tomas, "Riverside")
    mails = [each for each in vars(notices.choices_of(tomas)) if "tells" in each]
    notices.choose(tomas, **dict.fromkeys(mails, False))
    notices.ask_later(tomas)
    yield day(10, 20)
    all_of_it = ledger.balance(tomas, settings.SHOP_CURRENCY)
    errands.buy(tomas, {"TG-REE-CHAL": 1}, balance=all_of_it)


def _rosa(day):
    rosa = yield from come(day(70, 10), _ROSA, TOMAS, "whatsapp")
    yield day(66, 18)
    lamps = errands.buy(rosa, {"TG-MOO-WALN": 2})
    yield day(40, 11)
    one = ((lamps.lines.get().pk, 1),)
    errands.give_back(lamps, robin(), pieces=one, restock=True, reason="One too many")


def _lucia(day):
    lucia = yield from come(day(43, 10), _LUCIA, TOMAS, "facebook")
    yield day(42, 21)
    clock = errands.buy(lucia, {"TG-ALC-OAK": 1})
    yield day(16, 7)
    errands.at_the_bank(clock, "dispute")
    yield day(9, 7)
    errands.at_the_bank(clock, "lose")


def _yuki(day):
    yuki = yield from come(day(35, 9), _YUKI, TOMAS, "copy")
    yield day(28, 9)
    bowls = errands.buy(yuki, {"TG-TID-SAGE-ME": 2})
    yield day(8, 15)
    errands.give_back(bowls, robin(), everything=True, restock=True, reason="Returned")
    yield day(7, 10)
    tomas, currency = known(TOMAS), settings.SHOP_CURRENCY
    ledger.write_off(
        tomas,
        currency,
        amount=ledger.balance(tomas, currency, LedgerAccount.Kind.OWED),
        reason="The bowls arrived broken: our fault",
        actor=robin(),
    )


def _amara(day):
    amara = yield from come(day(34, 12), _AMARA, TOMAS, "instagram")
    yield day(28, 11)
    mugs = errands.buy(amara, {"TG-DUN-SAGE": 1})
    yield day(6, 12)
    errands.give_back(mugs, robin(), amount=dollars(900), reason="A chipped rim")


def _pavel(day):
    """The third of that day, beyond the cap: staff's word let it count."""
    pavel = yield from come(day(33, 13), _PAVEL, TOMAS, "copy")
    yield day(28, 14)
    order = errands.buy(pavel, {"TG-TID-OAT-ME": 2})
    yield day(27, 9)
    grants.grant_anyway(
        Reward.objects.get(order=order).pk,
        robin(),
        "A party at his house: four friends on one day",
    )


def _sofia(day):
    sofia = yield from come(day(32, 13), _SOFIA, TOMAS, "copy")
    yield day(28, 16)
    errands.buy(sofia, {"TG-FLD-MOSS": 1})


def _viktor(day):
    viktor = yield from come(day(12, 18), _VIKTOR, TOMAS, "email")
    yield day(11, 18)
    boxes = errands.buy(viktor, {"TG-PAL-SAGE": 1})
    yield day(10, 7)
    errands.give_back(boxes, viktor, everything=True, cancels=True, restock=True)


def _kofi(day):
    """So many went back that the next friend is looked at."""
    kofi = yield from come(day(2, 9), _KOFI, TOMAS, "whatsapp")
    yield day(1, 20)
    errands.buy(kofi, {"TG-STC-SMOK": 1})
