"""The reward's states and the arrows between them.

Each verb is called with the attribution locked, by `settlement`, which alone decides.
"""

from datetime import datetime

from django.utils import timezone

from accounts import ledger
from orders import timeline
from orders.models import Order
from referrals import emails
from referrals.models import Attribution, Reward

Kind = ledger.Kind
State = Reward.State

FROZEN = ("frozen_at", "amount_frozen")


def promise(order: Order, attribution: Attribution, available_at: datetime) -> Reward:
    """Write down what the inviter will get, on the terms the friend joined under."""
    reward = Reward.objects.create(
        attribution=attribution,
        order=order,
        recipient=attribution.inviter,
        amount=attribution.terms.inviter_amount,
        currency=attribution.terms.currency,
        available_at=available_at,
    )
    _note(reward, "reward_pending", "Reward for the inviter is on the way")
    return reward


def release(reward: Reward) -> None:
    """Pay a pending reward to its recipient, what they owe first, and tell them.

    The ledger's key holds the reward and its sequence, so that no repeat can pay twice.
    """
    _pay(reward, "A friend bought")
    reward.state, reward.released_at = State.AVAILABLE, timezone.now()
    reward.save(update_fields=["state", "sequence", "released_at"])
    _note(reward, "reward_available", "Reward is in the inviter's balance")
    emails.reward_available(reward)


def reverse(reward: Reward, reason: str) -> None:
    """Take a paid reward back: what the wallet holds, the rest is owed from now on.

    A part on hold goes through the wallet, whose statement so tells all of it.
    """
    _let_go(reward)
    reward.sequence += 1
    taken = ledger.take_back(
        key=f"reward:{reward.pk}:{reward.sequence}",
        user=reward.recipient,
        shop=Kind.PROGRAMME_COST,
        amount=reward.amount,
        currency=reward.currency,
        reason="A friend's order does not count any more",
    )
    reward.state, reward.reason = State.REVERSED, reason
    reward.save(update_fields=["state", "sequence", "reason", *FROZEN])
    text = f"Reward taken back: {reason}"
    _note(reward, "reward_reversed", text, owed=reward.amount - taken)
    emails.reward_reversed(reward, taken)


def restore(reward: Reward) -> None:
    """What was taken back is due after all: a refund failed, a dispute was won."""
    _pay(reward, "A friend's order counts again")
    reward.state, reward.reason = State.AVAILABLE, ""
    reward.save(update_fields=["state", "sequence", "reason"])
    _note(reward, "reward_available", "Reward is in the inviter's balance again")


def freeze(reward: Reward) -> None:
    """The order's payment is questioned: nobody spends what is left of its reward.

    A pending one is only marked. What the wallet lacks now was spent before, and is
    not looked for in what comes in later.
    """
    if reward.state == State.AVAILABLE:
        reward.sequence += 1
        reward.amount_frozen = ledger.freeze(
            key=f"reward:{reward.pk}:{reward.sequence}:freeze",
            user=reward.recipient,
            most=reward.amount,
            currency=reward.currency,
            reason="On hold while a payment is being checked",
        )
    reward.frozen_at = timezone.now()
    reward.save(update_fields=["sequence", *FROZEN])
    text = "Reward is on hold while the payment is questioned"
    _note(reward, "reward_frozen", text, frozen=reward.amount_frozen)


def thaw(reward: Reward) -> None:
    """The question is answered: what was on hold is free, and pays what is owed."""
    thawed = _let_go(reward)
    _repay(reward, f"reward:{reward.pk}:{reward.sequence}", thawed)
    reward.save(update_fields=["sequence", *FROZEN])
    _note(reward, "reward_thawed", "Reward is not on hold any more", thawed=thawed)


def void(reward: Reward, reason: str) -> None:
    """A pending reward does not come about. No money has moved."""
    reward.state, reward.reason, reward.frozen_at = State.VOID, reason, None
    reward.save(update_fields=["state", "reason", "frozen_at"])
    _note(reward, "reward_void", f"Reward does not come about: {reason}")


def reopen(reward: Reward, available_at: datetime) -> None:
    """A voided reward is due after all: the same row waits again."""
    reward.state, reward.reason, reward.available_at = State.PENDING, "", available_at
    reward.save(update_fields=["state", "reason", "available_at"])
    _note(reward, "reward_pending", "Reward for the inviter is on the way again")


def _pay(reward, reason):
    reward.sequence += 1
    key = f"reward:{reward.pk}:{reward.sequence}"
    wallet, cost = (reward.recipient, Kind.WALLET), (None, Kind.PROGRAMME_COST)
    ledger.post(
        key=key,
        debit=cost,
        credit=wallet,
        amount=reward.amount,
        currency=reward.currency,
        kind="reward",
        reason=reason,
    )
    _repay(reward, key, reward.amount)


def _let_go(reward):
    """Move the part on hold back into the wallet; how much. The caller saves."""
    amount = reward.amount_frozen
    if amount:
        reward.sequence += 1
        ledger.thaw(
            key=f"reward:{reward.pk}:{reward.sequence}:thaw",
            user=reward.recipient,
            amount=amount,
            currency=reward.currency,
            reason="Not on hold any more",
        )
    reward.frozen_at, reward.amount_frozen = None, 0
    return amount


def _repay(reward, key, most):
    """What was owed is paid from the credit that has just come in."""
    owed = ledger.balance(reward.recipient, reward.currency, Kind.OWED)
    amount = min(owed, most)
    if not amount:
        return
    for suffix, account in (("repay", Kind.WALLET), ("owed", Kind.OWED)):
        ledger.post(
            key=f"{key}:{suffix}",
            debit=(reward.recipient, account),
            credit=(None, Kind.PROGRAMME_COST),
            amount=amount,
            currency=reward.currency,
            kind="repayment",
            reason="Paid back what was owed",
        )


def _note(reward, kind, text, **more):
    data = {"reward": reward.pk, "amount": reward.amount, "state": reward.state}
    timeline.note(reward.order, kind, text, data=data | more)
