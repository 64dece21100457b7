"""How a friend comes: by a link, a code, a mail, or nothing at all."""

from collections.abc import Generator
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, user_signed_up

from accounts import proofs
from accounts.models import User
from orders import buying, carts, checkout
from orders.models import Order
from orders.signals import order_placed
from referrals import links
from referrals.models import ReferralLink
from shop.demo import errands, people
from shop.demo.friends.browsers import Browser
from shop.demo.people import Person

# The moments that a scene waits for, and who has come in the end.
Coming = Generator[datetime, None, User]


def person(name: str, email: str, *, shows_name: bool = True) -> Person:
    return Person("Friend", email, name, shows_name)


def link_of(member: Person) -> ReferralLink:
    return links.default_link(known(member))


def known(person: Person) -> User:
    return User.objects.get(email=person.email)


def come(
    at: datetime,
    friend: Person,
    link: ReferralLink | Person,
    channel: str = "copy",
    *,
    browser: Browser | None = None,
    **click,
) -> Coming:
    """Open a link, or a member's own one; look around, and join a quarter later."""
    yield at
    browser = browser or Browser()
    browser.click(link_of(link) if isinstance(link, Person) else link, channel, **click)
    browser.look_around()
    yield at + timedelta(minutes=15)
    return join(friend, browser)


def join(
    friend: Person,
    browser: Browser | None = None,
    *,
    code: str = "",
    proves: bool = True,
) -> User:
    """Sign up, and prove the address at once; what allauth tells of it is told."""
    browser = browser or Browser()
    user = people.create(friend)
    request = browser.request("/accounts/signup/")
    request._signup_answers = {"invitation_code": code}
    user_signed_up.send(User, request=request, user=user)
    browser.keep(request)
    if proves:
        prove(user, browser)
    return user


def prove(
    user: User, browser: Browser | None = None, *, by_reset: bool = False
) -> None:
    """Type the code that was mailed: of the sign-up, or of a reset of the password."""
    request = (browser or Browser()).request("/accounts/confirm-email/")
    if not by_reset:
        proofs.note_own_code(request)
    address = EmailAddress.objects.get(user=user)
    address.verified = True
    address.save(update_fields=["verified"])
    email_confirmed.send(EmailAddress, request=request, email_address=address)


def buy(user: User, wishes: dict[str, int], browser: Browser, **how) -> Order:
    """As `errands.buy`, in a browser whose link is noted with the order."""
    order = errands.order_of(user, wishes, **how)
    order_placed.send_robust(None, request=browser.request(), order_id=order.pk)
    return errands.pay(order)


def buy_as_guest(
    guest: Person, wishes: dict[str, int], browser: Browser, *, door: int
) -> Order:
    """An order without an account, in a browser that may have come by a link."""
    cart = carts.open_for(browser.request())
    errands.fill(cart, wishes)
    details = checkout.Details(guest.email, errands.home(guest.name, door))
    order = buying.place(cart, None, details)
    order_placed.send_robust(None, request=browser.request(), order_id=order.pk)
    return errands.pay(order)
