"""A member about whose friends people have to decide; every sign of risk, once.

A friend at his own door was rejected, another on his own browser waits, a third was
asked. So much is at stake with Oskar that two people of the staff have to agree, and
one has. Of six newcomers within the hour the last ones wait.
"""

from datetime import timedelta

from referrals import blocks, review
from referrals.models import Block, ReferralLink, ReviewCase
from shop.demo import errands, people
from shop.demo.friends.browsers import ANDROID, DESK, LAPTOP, Browser
from shop.demo.friends.coming import come, join, known, link_of, person
from shop.demo.friends.offer import LEE, STALL, meanwhile, robin
from shop.demo.story import Calendar, Scene

MAX = people.Person(
    "Member under review",
    "max@tandem.example",
    "Max Dover",
    shows="friends who are being checked",
)
_OSKAR = person("Oskar Lind", "oskar@lind.example")
_DANA = person("Dana Dover", "dana@dover.example")
_JAMIE = person("Jamie Dover", "jamie@dover.example", shows_name=False)
_NOAH = person("Noah Berg", "noah@berg.example")
_QUICK = person("Cas Winter", "cas.winter@mailinator.com")
_CROWD = [
    person(name, f"{name.split()[0].lower()}@postbox.example", shows_name=False)
    for name in (
        *["Ada Frost", "Ben Frost", "Cleo Hart", "Dirk Hart", "Eve Moss", "Finn Moss"],
    )
]
_HIS_NETWORK = "198.51.100.24"
_HALL = "203.0.113"


def scenes(calendar: Calendar) -> list[Scene]:
    day = calendar.day
    return [
        _max(day),
        _oskar(day),
        _dana(day),
        _jamie(day),
        _noah(day),
        _quick(day),
        _crowd(day),
    ]


def _max(day):
    yield day(76, 12)
    max_ = people.join(MAX)
    yield day(72, 12)
    errands.buy(max_, {"TG-TRE-SLAT": 1})


def _oskar(day):
    """Opened the link once, came back hours later only to sign up, and bought a lot."""
    browser = Browser(DESK)
    yield day(47, 8)
    browser.click(link_of(MAX), "copy")
    yield day(47, 15)
    oskar = join(_OSKAR, browser)
    yield day(45, 10)
    review.approve(_case(oskar), actor=robin(), reason="A busy day, nothing else")
    yield day(12, 10)
    errands.buy(oskar, {"TG-DOM-CLAY": 4})
    yield day(2, 8)
    review.reopen(_case(oskar), actor=robin(), reason="Four lamps at once?")
    yield day(1, 15)
    review.approve(_case(oskar), actor=known(LEE), reason="They are for a café")


def _dana(day):
    """At his door, on his network, with the same kind of browser: rejected."""
    yield day(32, 14)
    Browser(LAPTOP, _HIS_NETWORK).sign_in(known(MAX))
    other = Browser(LAPTOP, _HIS_NETWORK)
    dana = yield from come(day(32, 15), _DANA, MAX, "copy", browser=other)
    yield day(30, 15)
    errands.buy(dana, {"TG-VES-CHAR": 1, "TG-RIL-FORE": 1}, door=known(MAX).pk)
    yield day(27, 9)
    reason = "Same person with a second address"
    review.reject(_case(dana), actor=robin(), reason=reason)
    yield day(26, 9)
    blocks.block(Block.Kind.PERSON, dana.email, actor=robin(), reason=reason)


def _jamie(day):
    """On the very browser on which he had signed in."""
    browser = Browser(ANDROID)
    yield day(3, 20)
    browser.sign_in(known(MAX))
    yield from come(day(2, 7), _JAMIE, MAX, "qr", browser=browser)


def _noah(day):
    """From an advertisement to a paid order in seconds: approved, and opened again."""
    yield day(15, 11)
    browser = Browser(DESK)
    browser.click(link_of(MAX), "", query="utm_source=search&utm_medium=cpc")
    browser.look_around()
    noah = join(_NOAH, browser)
    errands.buy(noah, {"TG-LED-HARB-17": 1})
    yield day(14, 9)
    review.approve(_case(noah), actor=robin(), reason="A busy day, nothing else")
    yield day(2, 9)
    review.reopen(_case(noah), actor=known(LEE), reason="We found his advertisement")


def _quick(day):
    """A mailbox to throw away, from a site that collects codes: asked about it."""
    quick = yield from come(
        day(2, 11), _QUICK, MAX, "", referer="https://www.couponfollow.com/tandem"
    )
    yield day(1, 9)
    question = "Which address may we write to in the long run?"
    review.ask(_case(quick), actor=robin(), reason=question)


def _crowd(day):
    """From one network and one mail domain, on a day on which few were too many."""
    with meanwhile(REFERRAL_MOST_A_DAY={"inviter": 5, "network": 3, "domain": 3}):
        for number, newcomer in enumerate(_CROWD):
            yield day(2, 14) + timedelta(minutes=4 * number)
            browser = Browser(ANDROID, f"{_HALL}.{10 + number}")
            browser.click(link_of(MAX), "whatsapp")
            browser.look_around()
            join(newcomer, browser)
    yield day(1, 10)
    lee = known(LEE)
    hall = f"{_HALL}.0/24"
    reason = "Six newcomers within the hour"
    blocks.block(Block.Kind.DOMAIN, "postbox.example", actor=lee, reason=reason)
    blocks.block(Block.Kind.NETWORK, hall, actor=lee, reason=reason)
    yield day(1, 16)
    blocks.lift(Block.objects.get(value=hall), actor=robin())  # a hall of students
    stall = ReferralLink.objects.get(campaign__name=STALL, path="/c/kitchen-table/")
    code = stall.codes.get().text
    blocks.block(Block.Kind.CODE, code, actor=lee, reason="Stood on a coupon site")


def _case(friend):
    return ReviewCase.objects.filter(attribution__invitee=friend)
