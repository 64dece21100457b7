"""The reward's states and the arrows between them.

Each verb is called with the attribution locked, by `settlement`, which alone decides.
"""

from django.utils import timezone
from django.utils.formats import date_format

from accounts import ledger
from accounts.models import User
from orders import timeline
from orders.models import Order
from referrals import notices, signals
from referrals.models import Attribution, Reward, Terms
from referrals.rules import Desired
from shop.kit import money

Kind = ledger.Kind
State = Reward.State

FROZEN = ("frozen_at", "amount_frozen")
# Both are money that went back, and this says when.
_AFTER_RELEASE = dict.fromkeys(["refunded", "cancelled"], "refund_after_release")
_NEWS = {
    "reward_pending": signals.reward_pending,
    "reward_available": signals.reward_available,
    "reward_adjusted": signals.reward_adjusted,
    "reward_reversed": signals.reward_reversed,
}


def promise(
    order: Order, attribution: Attribution, terms: Terms, wanted: Desired
) -> Reward:
    """Write down what the inviter will get, on the terms that hold for the order."""
    reward = _create(
        order,
        attribution,
        terms,
        amount=wanted.amount,
        amount_reversed=wanted.amount_cut,
        available_at=wanted.available_at,
    )
    _note(reward, "reward_pending", "Reward for the inviter is on the way")
    signals.order_qualified.tell(
        order.pk, order_id=order.pk, attribution_id=attribution.pk
    )
    _tell_it_waits(reward, terms, wanted)
    return reward


def refuse(
    order: Order, attribution: Attribution, terms: Terms, wanted: Desired, reason: str
) -> Reward:
    """Write down what the inviter would get if there were room for it."""
    reward = _create(
        order,
        attribution,
        terms,
        amount=wanted.amount,
        available_at=wanted.available_at,
        state=State.VOID,
        reason=reason,
    )
    _note(reward, "reward_void", f"Reward does not come about: {reason}")
    return reward


def release(reward: Reward, terms: Terms) -> None:
    """Pay a pending reward to its recipient, what they owe first, and tell them.

    The ledger's key holds the reward and its sequence, so that no repeat can pay twice.
    """
    _pay(reward, terms, reward.amount_kept, "A friend bought")
    reward.state, reward.released_at = State.AVAILABLE, timezone.now()
    reward.save(update_fields=["state", "sequence", "released_at"])
    _note(reward, "reward_available", "Reward is in the inviter's balance")
    notices.reward_available(reward)


def put_off(reward: Reward, wanted: Desired) -> None:
    """The hold of a pending reward ends on another day, for the parcel came later."""
    reward.available_at = wanted.available_at
    reward.save(update_fields=["available_at"])
    day = date_format(timezone.localtime(wanted.available_at), "j F Y")
    _note(reward, "reward_put_off", f"Hold of the reward ends on {day}")


def adjust(reward: Reward, terms: Terms, cut: int) -> None:
    """So much of the promise is lost by what went back; the rest is the recipient's.

    Of a paid one the difference is taken back, or paid again when a refund failed.
    """
    change, reward.amount_reversed = cut - reward.amount_reversed, cut
    if reward.state == State.PENDING:
        reward.save(update_fields=["amount_reversed"])
    elif change > 0:
        _take(reward, change, "A part of a friend's order was returned", "")
    else:
        since, on_hold = reward.frozen_at, _let_go(reward)
        _pay(reward, terms, -change, "A friend's order counts for more again")
        # Where a debt took some of it, the wallet holds nothing but the rest.
        _hold_again(reward, since, on_hold - change)
        reward.save(update_fields=["sequence", "amount_reversed", *FROZEN])
    text = "Reward follows what is left of the order"
    _note(reward, "reward_adjusted", text, kept=reward.amount_kept)


def reverse(reward: Reward, reason: str, gone: int = 0) -> None:
    """Take a paid reward back: what the wallet holds, the rest is owed from now on.

    Not what of it is `gone`, for that ran out and was nobody's gain.
    """
    kept = reward.amount_kept - gone
    reward.amount_reversed += kept
    cause, reason = reason, _AFTER_RELEASE.get(reason, reason)
    reward.state, reward.reason, owed = State.REVERSED, reason, 0
    if kept:
        words = "A friend's order does not count any more"
        owed = _take(reward, kept, words, cause)
    else:
        reward.save(update_fields=["state", "reason"])
    _note(reward, "reward_reversed", f"Reward taken back: {reason}", owed=owed)


def restore(reward: Reward, terms: Terms, cut: int) -> None:
    """What was taken back is due after all: a refund failed, a dispute was won."""
    back, reward.amount_reversed = reward.amount_reversed - cut, cut
    if back:
        _pay(reward, terms, back, "A friend's order counts again")
    reward.state, reward.reason = State.AVAILABLE, ""
    reward.save(update_fields=["state", "sequence", "reason", "amount_reversed"])
    _note(reward, "reward_available", "Reward is in the inviter's balance again")
    notices.reward_available(reward)


def ran_out(reward: Reward) -> int:
    """What of it ended before it was spent, in minor units. One query."""
    return ledger.ran_out(f"reward:{reward.pk}:")


def run_out(reward: Reward) -> None:
    """All of it ended unspent. It keeps its place: the friend did bring it."""
    reward.state = State.EXPIRED
    reward.save(update_fields=["state"])
    _note(reward, "reward_expired", "Reward ran out unspent")


def run_on(reward: Reward) -> None:
    """More of it was paid after what there was had ended."""
    reward.state = State.AVAILABLE
    reward.save(update_fields=["state"])
    _note(reward, "reward_available", "Reward is in the inviter's balance again")


def freeze(reward: Reward, gone: int = 0) -> None:
    """The order's payment is questioned: nobody spends what is left of its reward.

    A pending one is only marked. What the wallet lacks now was spent before, and is
    not looked for in what comes in later.
    """
    if reward.state == State.AVAILABLE:
        _set_aside(reward, reward.amount_kept - gone)
    reward.frozen_at = timezone.now()
    reward.save(update_fields=["sequence", *FROZEN])
    text = "Reward is on hold while the payment is questioned"
    event = _note(reward, "reward_frozen", text, frozen=reward.amount_frozen)
    is_paid = reward.state == State.AVAILABLE
    held = reward.amount_frozen if is_paid else reward.amount_kept
    notices.reward_held(reward, event, held)


def thaw(reward: Reward) -> None:
    """The question is answered: what was on hold is free, and pays what is owed."""
    thawed = _let_go(reward, repays=True)
    reward.save(update_fields=["sequence", *FROZEN])
    text = "Reward is not on hold any more"
    event = _note(reward, "reward_thawed", text, thawed=thawed)
    is_paid = reward.state == State.AVAILABLE
    notices.reward_let_go(reward, event, thawed if is_paid else reward.amount_kept)


def void(reward: Reward, reason: str) -> None:
    """A pending reward does not come about. No money has moved."""
    reward.state, reward.reason, reward.frozen_at = State.VOID, reason, None
    reward.save(update_fields=["state", "reason", "frozen_at"])
    event = _note(reward, "reward_void", f"Reward does not come about: {reason}")
    signals.tell_of_reward(signals.reward_reversed, reward, event.pk)
    notices.reward_void(reward, event)


def reopen(reward: Reward, terms: Terms, wanted: Desired, cut: int) -> None:
    """A voided reward is due after all: the same row waits again."""
    reward.state, reward.reason = State.PENDING, ""
    reward.available_at, reward.amount_reversed = wanted.available_at, cut
    reward.save(update_fields=["state", "reason", "available_at", "amount_reversed"])
    _note(reward, "reward_pending", "Reward for the inviter is on the way again")
    _tell_it_waits(reward, terms, wanted)


def waive(reward: Reward, actor: User, reason: str) -> None:
    """Staff's word: what a rule or a cap refused is to count all the same."""
    reward.sequence += 1
    reward.waived_at, reward.waived_by = timezone.now(), actor
    reward.waived_because = reason
    reward.save(update_fields=["sequence", "waived_at", "waived_by", "waived_because"])
    text = f"Reward granted by staff: {reason}"
    timeline.note(
        reward.order,
        "reward_waived",
        text[:250],
        data={"reward": reward.pk, "refused": reward.reason},
        actor=actor,
        origin=timeline.Origin.STAFF,
    )


def cut_of(reward: Reward, wanted: Desired, gone: int = 0) -> int:
    """What is lost of a promise as it was written, should the rule say another now.

    Nothing can be taken of what is `gone`. Minor units.
    """
    left = wanted.amount - wanted.amount_cut
    smallest = money.step(reward.currency)
    lost = money.split(reward.amount, [wanted.amount_cut, left], step=smallest)[0]
    return min(lost, reward.amount - gone)


def promised_by(wanted: Desired, reward: Reward | None) -> int:
    """What a reward that begins, or begins again, promises; minor units."""
    if reward:
        return reward.amount - cut_of(reward, wanted)
    return wanted.amount - wanted.amount_cut


def _tell_it_waits(reward, terms, wanted):
    # What is paid in the same breath is told of once.
    if wanted.state == State.PENDING:
        notices.reward_pending(reward, terms)


def _create(order, attribution, terms, **fields):
    return Reward.objects.create(
        attribution=attribution,
        order=order,
        recipient=attribution.inviter,
        currency=terms.currency,
        is_only=terms.orders_count == 1,
        **fields,
    )


def _pay(reward, terms, amount, reason):
    reward.sequence += 1
    ledger.post(
        key=f"reward:{reward.pk}:{reward.sequence}",
        debit=(None, Kind.PROGRAMME_COST),
        credit=(reward.recipient, Kind.WALLET),
        amount=amount,
        currency=reward.currency,
        kind="reward",
        reason=reason,
        expires_at=terms.credit_ends(timezone.now()),
    )


def _take(reward, amount, reason, cause):
    """Take back so much, and tell; how much of it is owed from now on.

    A part on hold goes through the wallet, whose statement so tells all of it. What
    is left of it stays on hold, if the reward does.
    """
    since, on_hold = reward.frozen_at, _let_go(reward)
    reward.sequence += 1
    taken = ledger.take_back(
        key=f"reward:{reward.pk}:{reward.sequence}",
        user=reward.recipient,
        amount=amount,
        currency=reward.currency,
        reason=reason,
    )
    if reward.state == State.AVAILABLE:
        _hold_again(reward, since, max(0, on_hold - amount))
    reward.save(
        update_fields=["state", "sequence", "reason", "amount_reversed", *FROZEN]
    )
    notices.reward_reversed(reward, amount, taken, cause)
    return amount - taken


def _set_aside(reward, most):
    reward.sequence += 1
    reward.amount_frozen = ledger.freeze(
        key=f"reward:{reward.pk}:{reward.sequence}:freeze",
        user=reward.recipient,
        most=most,
        currency=reward.currency,
        reason="On hold while a payment is being checked",
    )


def _hold_again(reward, since, amount):
    """What was let go only to be moved is no other money: the hold goes on."""
    reward.frozen_at = since
    if since and amount:
        _set_aside(reward, amount)


def _let_go(reward, *, repays=False):
    """Move the part on hold back into the wallet; how much. The caller saves."""
    amount = reward.amount_frozen
    if amount:
        # Nothing moves between the two: whatever takes or pays lets go first.
        frozen = f"reward:{reward.pk}:{reward.sequence}:freeze"
        reward.sequence += 1
        ledger.thaw(
            key=f"reward:{reward.pk}:{reward.sequence}:thaw",
            frozen=frozen,
            user=reward.recipient,
            amount=amount,
            currency=reward.currency,
            reason="Not on hold any more",
            repays=repays,
        )
    reward.frozen_at, reward.amount_frozen = None, 0
    return amount


def _note(reward, kind, text, **more):
    data = {"reward": reward.pk, "amount": reward.amount, "state": reward.state}
    event = timeline.note(reward.order, kind, text, data=data | more)
    if kind in _NEWS:
        signals.tell_of_reward(_NEWS[kind], reward, event.pk)
    return event
