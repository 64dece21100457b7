"""A member who shares a lot: links, cards and codes; credit that comes, goes and ends.

Ines bought while a share of the order was paid, and her inviter's credit ran out. So
will Hana's soon. The third friend reached a milestone. Elif and Deniz live at one door.
"""

from catalog.models import Product
from orders import payments
from referrals import board, cards, codes, invitations, links, notices, review
from referrals.models import Code, ReferralLink, ReviewCase
from shop.demo import errands, people
from shop.demo.friends.browsers import ANDROID, LAPTOP, Browser
from shop.demo.friends.coming import buy, come, join, known, link_of, person
from shop.demo.friends.offer import dollars, robin
from shop.demo.story import Calendar, Scene

MAYA = people.Person(
    "Busy member",
    "maya@tandem.example",
    "Maya Okafor",
    shows="many links, cards, a milestone, credit that ends",
)
_INES = person("Ines Carvalho", "ines@carvalho.example")
_HANA = person("Hana Sato", "hana@sato.example")
WALE = person("Wale Adeyemi", "wale@adeyemi.example")
_GRETA = person("Greta Holm", "greta@holm.example", shows_name=False)
_ELIF = person("Elif Kaya", "elif@kaya.example")
_DENIZ = person("Deniz Kaya", "deniz@kaya.example")
_LEILA = person("Leila Mansour", "leila@mansour.example")
_DMITRI = person("Dmitri Volkov", "dmitri@volkov.example")
_KAYAS_DOOR = 870


def scenes(calendar: Calendar) -> list[Scene]:
    return [
        _maya(calendar.day),
        _codes(calendar.day),
        _pays_with_balance(calendar),
        _ines(calendar.day),
        _hana(calendar.day),
        _wale(calendar.day),
        _greta(calendar.day),
        _kayas(calendar.day),
        _by_mail(calendar.day),
        _dmitri(calendar.day),
    ]


def _maya(day):
    yield day(99, 17)
    maya = people.join(MAYA)
    yield day(98, 12)
    browser = Browser(LAPTOP)
    browser.sign_in(maya)
    links.default_link(maya)
    links.add(maya, "Kitchen blog", "/c/kitchen-table/")
    club = links.add(maya, "Running club")
    old = links.add(maya, "Old flat’s notice board")
    yield day(95, 12)
    errands.buy(maya, {"TG-REE-CHAL": 1, "TG-PEB-SHOR": 1})
    yield day(55, 18)
    board.join(maya, "Lamplighter")
    yield day(41, 18)
    cards.make_sheet(maya)
    yield day(34, 9)
    links.for_product(maya, _tumbler())
    yield day(18, 21)
    notices.read_all(maya)
    links.rotate(club)
    links.end(old)
    yield day(3, 8)
    browser.click(link_of(MAYA), user=maya)  # her own, to see where it leads


def _codes(day):
    """Codes of her own: one works, one staff allowed, one they refused, one waits."""
    yield day(80, 9)
    link = link_of(MAYA)
    codes.choose(link, "MAYA-OKAFOR")
    yield day(40, 9)
    codes.choose(link, "MAYA-SAVES-YOU")
    codes.choose(link, "CASH-FROM-MAYA")
    yield day(39, 10)
    codes.allow(Code.objects.get(display="MAYA-SAVES-YOU"))
    codes.refuse(Code.objects.get(display="CASH-FROM-MAYA"))
    yield day(1, 22)
    codes.choose(link, "FREE-MUG-MAYA")


def _pays_with_balance(calendar):
    yield calendar.day(12, 20)
    maya = known(MAYA)
    errands.buy(maya, {"TG-LAN-OAK": 1}, balance=dollars(1000))
    # An order that still waits for the card: what it takes from the balance is held.
    yield calendar.just(minutes=8)
    waiting = errands.order_of(maya, {"TG-STC-CLEA": 1}, balance=dollars(500))
    payments.start(waiting)


def _ines(day):
    yield day(93, 9)
    blog = ReferralLink.objects.get(owner=known(MAYA), label="Kitchen blog")
    article = "utm_source=blog&utm_medium=article"
    ines = yield from come(day(93, 10), _INES, blog, "", query=article)
    yield day(92, 21)
    errands.buy(ines, {"TG-SEL-HARB": 1})


def _hana(day):
    browser = Browser(ANDROID)
    hana = yield from come(day(46, 9), _HANA, MAYA, "instagram", browser=browser)
    yield day(38, 20)
    browser.view("TG-MOO-WALN", adds=True, checks_out=True)
    buy(hana, {"TG-MOO-WALN": 1}, browser)
    yield day(30, 19)
    errands.buy(hana, {"TG-PLI-OAK": 1})


def _wale(day):
    """Typed the code of a printed card."""
    yield day(40, 16)
    card = cards.of_member(known(MAYA))[0]
    wale = join(WALE, code=card.code)
    yield day(39, 18)
    errands.buy(wale, {"TG-LEV-CHAL": 1})


def _greta(day):
    """Was shown a product, and thinks about it."""
    yield day(33, 7)
    tumbler = links.for_product(known(MAYA), _tumbler())
    browser = Browser(LAPTOP)
    yield from come(day(33, 8), _GRETA, tumbler, "product", browser=browser)
    browser.view("TG-RIP-MIST", adds=True)


def _kayas(day):
    """One household: the second friend at a door is looked at, and was approved."""
    browser = Browser(ANDROID)
    elif_ = yield from come(day(29, 18), _ELIF, MAYA, "whatsapp", browser=browser)
    yield day(27, 18)
    errands.buy(elif_, {"TG-LED-CLAY-17": 1}, door=_KAYAS_DOOR)
    deniz = yield from come(day(20, 9), _DENIZ, MAYA, "whatsapp", browser=browser)
    yield day(18, 12)
    errands.buy(deniz, {"TG-FLD-INK": 1}, door=_KAYAS_DOOR)
    yield day(17, 9)
    review.approve(
        ReviewCase.objects.filter(attribution__invitee=deniz),
        actor=robin(),
        reason="A household: two people, two lives",
    )


def _by_mail(day):
    """Mails that the shop sends for a member, in the weeks in which it did."""
    yield day(26, 9)
    maya = known(MAYA)
    invitations.invite(maya, _LEILA.email, "You asked where the lamp is from.")
    invitations.invite(maya, "theo@mail.example", "For the new kitchen.")
    invitations.invite(maya, _INES.email)  # a customer: nobody is written to
    yield day(25, 20)
    leila = join(_LEILA)
    theo = maya.invitations.exclude(sent_at=None).get(note="For the new kitchen.")
    stop = invitations.stop_url(theo.address_hash)
    invitations.suppress(stop.rstrip("/").rpartition("/")[2])
    yield day(19, 20)
    errands.buy(leila, {"TG-MAR-CLAY-RU": 1})  # less than what counts


def _dmitri(day):
    """Opened two links: the first one counts, the other is noted."""
    browser = Browser(LAPTOP)
    yield day(8, 9)
    browser.click(link_of(MAYA), "x")
    browser.look_around()
    yield from come(day(8, 20), _DMITRI, people.CUSTOMER, "facebook", browser=browser)


def _tumbler():
    return Product.objects.get(slug="ripple-tumbler")
