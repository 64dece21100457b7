"""What an inviter is told: one row on their own page, and a mail if they want it.

Every verb is called within the transaction of the change it tells of, and is safe to
repeat: a row and a mail are unique by the event they are about. The row names nobody,
so that a friend's consent to be named can still be taken back.
"""

from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from orders.models import OrderEvent
from referrals import emails, reasons
from referrals.models import (
    Attribution,
    MemberChoices,
    MilestoneReward,
    NameCase,
    Notice,
    Reward,
    Terms,
)
from shop.kit.money import format_money

Kind = Notice.Kind

PEACE = timedelta(days=90)  # after "not now"

_MOST = 50


def friend_joined(attribution: Attribution) -> None:
    """Somebody whom a member brought counts. Nobody is told of a campaign's."""
    inviter = attribution.inviter
    if inviter is None:
        return
    _keep(
        inviter,
        Kind.JOINED,
        f"attribution:{attribution.pk}",
        "A friend joined, thanks to you.",
    )
    if _wants(inviter, "tells_joined"):
        emails.friend_joined(attribution)


def reward_pending(reward: Reward, terms: Terms) -> None:
    """A friend bought; the credit waits for the end of the hold.

    What does not have to wait is told when it comes. Where the hold begins with a
    parcel's arrival nobody can name the day yet.
    """
    hold = terms.hold_words if terms.hold_from == Terms.Hold.DELIVERY else ""
    if reward.available_at <= timezone.now() and not hold:
        return
    day = date_format(timezone.localtime(reward.available_at), "j F")
    way = f"comes {hold}." if hold else f"is on its way to you, from {day} on."
    _keep(
        reward.recipient,
        Kind.PENDING,
        _subject(reward),
        f"A friend bought something. {_money(reward, reward.amount_kept)} {way}",
    )
    if _wants(reward.recipient, "tells_pending"):
        emails.reward_pending(reward, hold)


def reward_available(reward: Reward) -> None:
    """The credit is in the balance, for the first time or again."""
    _keep(
        reward.recipient,
        Kind.AVAILABLE,
        _subject(reward),
        f"{_money(reward, reward.amount_kept)} came into your balance.",
    )
    if _wants(reward.recipient, "tells_available"):
        emails.reward_available(reward)


def reward_reversed(reward: Reward, amount: int, taken: int, reason: str) -> None:
    """Credit went back, or a part of it: `taken` from the balance, the rest is owed.

    `reason` is the rule's; without any a part of the order was returned.
    """
    owed = amount - taken
    why = reasons.WENT_BACK.get(reason, "A part of the order was returned")
    words = f"{_money(reward, amount)} went back. {why}."
    if owed:
        what = f"{_money(reward, owed)} of it" if taken else "It"
        words += f" {what} comes off what you earn next."
    _keep(reward.recipient, Kind.REVERSED, _subject(reward), words)
    if _wants(reward.recipient, "tells_reversed"):
        emails.reward_reversed(reward, amount, taken, why)


def reward_void(reward: Reward, event: OrderEvent) -> None:
    """What was on the way does not come; `event` is the one that says so."""
    why = reasons.why_not(reward.reason, reward.attribution.terms)
    amount = _money(reward, reward.amount_kept)
    _keep(
        reward.recipient,
        Kind.REVERSED,
        f"reward:{reward.pk}:void:{event.pk}",
        f"{amount} that was on its way does not come. {why.text}",
    )
    if _wants(reward.recipient, "tells_reversed"):
        emails.reward_void(reward, event.pk, why.text, why.appeal_email)


def reward_held(reward: Reward, event: OrderEvent, amount: int) -> None:
    """So much is on hold while a bank asks; nobody has done anything wrong by that."""
    _tell_of_hold(reward, event, amount, "is on hold while a payment is being checked.")


def reward_let_go(reward: Reward, event: OrderEvent, amount: int) -> None:
    """The question is answered, and so much is not on hold any more."""
    _tell_of_hold(reward, event, amount, "is not on hold any more.")


def milestone_reached(reward: MilestoneReward, amount: int) -> None:
    """So many friends bought that there is credit on top, maybe once more."""
    _keep(
        reward.recipient,
        Kind.MILESTONE,
        f"milestone:{reward.pk}:{reward.sequence}",
        f"{_money(reward, amount)} on top: {reward.friends_count} of your "
        "friends have bought.",
    )
    if _wants(reward.recipient, "tells_milestones"):
        emails.milestone_reached(reward, amount)


def milestone_lost(reward: MilestoneReward, amount: int) -> None:
    """Fewer friends count than the milestone asks for, so its credit went back."""
    _keep(
        reward.recipient,
        Kind.MILESTONE,
        f"milestone:{reward.pk}:{reward.sequence}",
        f"{_money(reward, amount)} went back: fewer than "
        f"{reward.friends_count} of your friends count now.",
    )


def name_hidden(case: NameCase) -> None:
    """Nobody reads the member's name for now. Who asked for it, or why, is not said."""
    where = " on the board" if case.kind == NameCase.Kind.BOARD else ""
    _tell_of_name(
        case,
        f"Your name{where} is not shown at present. You can choose another one.",
    )


def name_shown(case: NameCase) -> None:
    """Staff have looked, and the name is read again."""
    where = " on the board" if case.kind == NameCase.Kind.BOARD else ""
    _tell_of_name(case, f"Your name{where} is shown again.")


def name_refused(case: NameCase) -> None:
    """Staff have looked, and the name is not read again."""
    where = " on the board" if case.kind == NameCase.Kind.BOARD else ""
    _tell_of_name(
        case,
        f"The name you had{where} is not shown any more. You can choose another one.",
    )


def choices_of(user: User) -> MemberChoices:
    """What a member has chosen; the defaults, unsaved, if they never did.

    One query at most: none for whoever selected `referral_choices` with the person.
    """
    try:
        return user.referral_choices
    except MemberChoices.DoesNotExist:
        return MemberChoices(user=user)


def choose(user: User, **chosen) -> None:
    """Note what a member chose, such as `tells_joined=False`. Safe to race."""
    MemberChoices.objects.update_or_create(user=user, defaults=chosen)


def may_ask(user: User) -> bool:
    """Whether this member may be asked to invite now. One query."""
    before = choices_of(user).asked_not_before
    return before is None or before <= timezone.now()


def ask_later(user: User) -> None:
    """The member does not want to be asked for a while. Safe to repeat."""
    choose(user, asked_not_before=timezone.now() + PEACE)


def of_member(user: User) -> list[Notice]:
    """The latest that a member was told, the newest first. Two queries.

    `friend` of each is the attribution it is about, or None.
    """
    told = list(Notice.objects.filter(user=user)[:_MOST])
    rewards = [_id(each) for each in told if each.subject.startswith("reward:")]
    friends = dict(
        Reward.objects.filter(recipient=user, pk__in=rewards).values_list(
            "pk", "attribution"
        )
    )
    for each in told:
        about, _, _ = each.subject.partition(":")
        each.friend = {
            "attribution": _id(each),
            "reward": friends.get(_id(each)),
        }.get(about)
    return told


def read_all(user: User) -> None:
    """The member has seen what there is to see. Safe to repeat."""
    unread = Notice.objects.filter(user=user, read_at=None)
    unread.update(read_at=timezone.now())


def _id(notice):
    """The number of the row that a notice is about."""
    number = notice.subject.split(":")[1]
    return int(number) if number.isdecimal() else None


def _wants(user, choice):
    """Whether a mail of this kind may go out; nobody writes to who has left."""
    return user.is_active and getattr(choices_of(user), choice)


def _keep(user, kind, subject, text):
    notice = Notice(user=user, kind=kind, subject=subject, text=text)
    Notice.objects.bulk_create([notice], ignore_conflicts=True)


def _tell_of_hold(reward, event, amount, words):
    """Nothing is told where nothing is left: it was spent before, or ran out."""
    if amount:
        subject = f"reward:{reward.pk}:held:{event.pk}"
        text = f"{_money(reward, amount)} {words}"
        _keep(reward.recipient, Kind.HELD, subject, text)


def _tell_of_name(case, text):
    kind = Kind.BOARD if case.kind == NameCase.Kind.BOARD else Kind.NAME
    at = int((case.decided_at or case.opened_at).timestamp())
    _keep(case.person, kind, f"name:{case.pk}:{case.state}:{at}", text)


def _subject(reward):
    return f"reward:{reward.pk}:{reward.sequence}"


def _money(reward, amount):
    return format_money(amount, reward.currency, short=True)
