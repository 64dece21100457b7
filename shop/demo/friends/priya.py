"""A member whose friends are on their way, or do not count; each for another reason.

They came by every way there is: a guest's order, a code entered later, staff's word.
"""

from referrals import by_hand, claims
from shop.demo import errands, people
from shop.demo.friends.browsers import DESK, LAPTOP, Browser
from shop.demo.friends.coming import (
    buy_as_guest,
    come,
    join,
    link_of,
    person,
    prove,
)
from shop.demo.friends.offer import meanwhile, robin
from shop.demo.story import Calendar, Scene

PRIYA = people.Person(
    "Member who waits",
    "priya@tandem.example",
    "Priya Raman",
    shows="friends on the way, friends who do not count",
)
_MASTERCARD = "5555555555554444"

_MEI = person("Mei Lin", "mei@lin.example")
_BJORN = person("Björn Dahl", "bjorn@dahl.example")
_CHIDI = person("Chidi Eze", "chidi@eze.example")
_EMMA = person("Emma Clarke", "emma@clarke.example")
_SECOND = person("P. Raman", "priya+second@tandem.example", shows_name=False)
_FARAH = person("Farah Aziz", "farah@aziz.example")
_NIKOLAI = person("Nikolai Raman", "nikolai@raman.example")
_RAVI = person("Ravi Iyer", "ravi@iyer.example")
_AISHA = person("Aisha Bello", "aisha@bello.example")
_GUNNAR = person("Gunnar Vik", "gunnar@vik.example")
_IVO = person("Ivo Marek", "ivo@marek.example")


def scenes(calendar: Calendar) -> list[Scene]:
    day = calendar.day
    return [
        _priya(day),
        _mei(day),
        _bjorn(day),
        _chidi(day),
        _emma(day),
        _second(day),
        _farah(day),
        _nikolai(day),
        _ravi(day),
        _aisha(day),
        _gunnar(day),
        _ivo(day),
    ]


def _priya(day):
    yield day(96, 8)
    priya = people.join(PRIYA)
    yield day(70, 19)
    errands.buy(priya, {"TG-COV-OAK": 1}, card=_MASTERCARD)


def _mei(day):
    """Paid, rewarded, and now a bank asks about the payment: the credit is on hold."""
    mei = yield from come(day(26, 15), _MEI, PRIYA, "whatsapp")
    yield day(23, 20)
    lamp = errands.buy(mei, {"TG-WEF-SAGE-45": 1})
    yield day(3, 6)
    errands.at_the_bank(lamp, "dispute")


def _bjorn(day):
    """Bought on the one day on which the budget was used up."""
    bjorn = yield from come(day(25, 15), _BJORN, PRIYA, "copy")
    yield day(22, 20)
    errands.buy(bjorn, {"TG-WEF-OCHR-45": 1})


def _chidi(day):
    yield day(2, 9)
    browser = Browser()
    browser.click(link_of(PRIYA), "whatsapp")
    browser.look_around()
    yield day(2, 10)
    join(_CHIDI, browser, proves=False)


def _emma(day):
    """Never proved the address: it lapsed."""
    yield day(41, 9)
    browser = Browser(DESK)
    browser.click(link_of(PRIYA), "email")
    browser.look_around()
    yield day(41, 10)
    join(_EMMA, browser, proves=False)


def _second(day):
    """Her own mailbox under another spelling."""
    yield from come(day(37, 21), _SECOND, PRIYA, "copy")


def _farah(day):
    """Somebody else signed up with her address; she reset the password instead."""
    yield day(35, 9)
    browser = Browser()
    browser.click(link_of(PRIYA), "copy")
    browser.look_around()
    yield day(35, 10)
    farah = join(_FARAH, browser, proves=False)
    yield day(33, 10)
    prove(farah, by_reset=True)


def _nikolai(day):
    """Paid with the inviter's card, in a week in which cards told people apart."""
    nikolai = yield from come(day(20, 15), _NIKOLAI, PRIYA, "sms")
    yield day(19, 15)
    with meanwhile(REFERRAL_CARDS_ARE_PEOPLE=True):
        errands.buy(nikolai, {"TG-COV-WALN": 1}, card=_MASTERCARD)
        yield day(19, 16)


def _ravi(day):
    """Came by the link, bought as a guest, and opened the account days later."""
    yield day(18, 10)
    browser = Browser(LAPTOP)
    browser.click(link_of(PRIYA), "messenger")
    browser.look_around()
    yield day(18, 11)
    browser.view("TG-FER-WALN", adds=True, checks_out=True)
    buy_as_guest(_RAVI, {"TG-FER-WALN": 1}, browser, door=882)
    yield day(15, 19)
    join(_RAVI, Browser(DESK))


def _aisha(day):
    """Joined by herself and entered a code the next day; at first her own."""
    yield day(12, 10)
    aisha = join(_AISHA)
    yield day(11, 10)
    own, hers = link_of(_AISHA), link_of(PRIYA)
    try:
        claims.claim(aisha, own.code, asker="203.0.113.50")
    except claims.Refused:
        claims.claim(aisha, hers.code, asker="203.0.113.50")
    yield day(10, 19)
    errands.buy(aisha, {"TG-COL-CHAL": 2})


def _gunnar(day):
    """Told the shop by mail who had invited him: staff entered it."""
    yield day(16, 10)
    gunnar = join(_GUNNAR)
    yield day(15, 10)
    order = errands.buy(gunnar, {"TG-HAL-CHAL": 1})
    yield day(13, 10)
    word = by_hand.Word(robin(), "Wrote to us the day after, with her name", order)
    by_hand.attribute(gunnar, link_of(PRIYA), word)


def _ivo(day):
    """Opened the link in one month and joined in the next but one: too late."""
    browser = Browser(LAPTOP)
    yield day(58, 10)
    browser.click(link_of(PRIYA), "linkedin")
    browser.look_around()
    yield day(14, 10)
    join(_IVO, browser)
