"""What a refund would do to rewards: rows for the balance sheet that staff confirm."""

from accounts import ledger
from orders.models import Order
from orders.refunds import Entry, Outcome
from referrals import foresight
from referrals import rewards as rewards_room
from referrals.models import Reward
from referrals.rules import TAKES_BACK
from shop.kit.money import format_money

State = Reward.State


def rewards(order: Order, outcome: Outcome) -> list[Entry]:
    """The inviter's side, for staff only: what settings name for every plan."""
    found = foresight.foresee(order, goods=outcome.goods, cancels=outcome.cancels)
    if found is None:
        return []
    wanted, reward = found
    kept, loses = reward.amount_kept, _loses(wanted, reward)
    amount = format_money(loses or kept, reward.currency)
    label = "Reward of the inviter"
    if not loses:
        return [Entry(label, amount, "Stays as it is", is_public=False)]
    if reward.state == State.PENDING:
        note = "Does not come about" if loses == kept else "Less comes about"
        return [Entry(label, f"−{amount}", note, is_public=False)]
    has = ledger.balance(reward.recipient, reward.currency) + reward.amount_frozen
    owed = format_money(max(0, loses - has), reward.currency)
    note = "Taken from the balance" if has >= loses else f"{owed} stays owed"
    return [Entry(label, f"−{amount}", note, is_public=False)]


def _loses(wanted, reward):
    """How much of what the inviter has, or is to get, would be gone; minor units."""
    if reward.state not in Reward.LIVE:
        return 0
    if wanted.state == State.VOID:
        if reward.state not in Reward.PAID:
            return reward.amount_kept
        if wanted.reason not in TAKES_BACK:
            return 0
        return reward.amount_kept - rewards_room.ran_out(reward)
    return max(0, wanted.amount_cut - reward.amount_reversed)
