"""Names that somebody objected to: one was kept, one hidden for good, one waits."""

from accounts.models import User
from referrals import board, name_reports
from referrals.models import Attribution, MemberChoices, NameCase
from shop.demo.friends.coming import come, known, person
from shop.demo.friends.max import MAX
from shop.demo.friends.maya import WALE
from shop.demo.friends.offer import LEE, robin
from shop.demo.people import CUSTOMER
from shop.demo.story import Calendar, Scene

_COURIER = person("Your Courier", "parcels@courier.example")


def scenes(calendar: Calendar) -> list[Scene]:
    return [_kept(calendar.day), _hidden(calendar.day), _on_the_board(calendar.day)]


def _kept(day):
    yield day(36, 9)
    case = _report(name_reports.url_of_friend(_friendship(known(WALE))))
    yield day(35, 16)
    name_reports.decide(case, "keep", actor=robin(), reason="It is his name")


def _hidden(day):
    """Hidden, looked at again, and hidden for good."""
    courier = yield from come(day(22, 9), _COURIER, CUSTOMER, "sms")
    yield day(21, 16)
    case = _report(name_reports.url_of_friend(_friendship(courier)))
    yield day(21, 18)
    name_reports.decide(case, "hide", actor=robin(), reason="Poses as a courier")
    yield day(20, 9)
    name_reports.decide(case, "reopen", actor=known(LEE), reason="He wrote to us")
    yield day(19, 9)
    name_reports.decide(case, "hide", actor=known(LEE), reason="No such firm")


def _on_the_board(day):
    yield day(40, 9)
    max_ = known(MAX)
    board.join(max_, "The Landlord")
    yield day(2, 13)
    _report(name_reports.url_of_board(MemberChoices.objects.get(user=max_)))


def _report(url: str) -> NameCase:
    """What somebody does who reads the name and objects."""
    name_reports.report(url.rstrip("/").rpartition("/")[2])
    return NameCase.objects.latest("opened_at")


def _friendship(friend: User) -> Attribution:
    return Attribution.objects.get(invitee=friend)
