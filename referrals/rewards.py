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
    """Take a paid reward back: what the wallet holds, the rest is owed from now on."""
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
    reward.save(update_fields=["state", "sequence", "reason"])
    text = f"Reward taken back: {reason}"
    _note(reward, "reward_reversed", text, owed=reward.amount - taken)


def restore(reward: Reward) -> None:
    """What was taken back is due after all: a refund failed, a dispute was won."""
    _pay(reward, "A friend's order counts again")
    reward.state, reward.reason = State.AVAILABLE, ""
    reward.save(update_fields=["state", "sequence", "reason"])
    _note(reward, "reward_available", "Reward is in the inviter's balance again")


def void(reward: Reward, reason: str) -> None:
    """A pending reward does not come about. No money has moved."""
    reward.state, reward.reason = State.VOID, reason
    reward.save(update_fields=["state", "reason"])
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
    _repay(reward, key)


def _repay(reward, key):
    """What was owed is paid from the credit that has just come in."""
    owed = ledger.balance(reward.recipient, reward.currency, Kind.OWED)
    amount = min(owed, reward.amount)
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
    timeline.note(reward.order, kind, text, data=data | more, public=False)
