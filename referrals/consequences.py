"""What a refund would do to rewards: rows for the balance sheet that staff confirm."""

from accounts import ledger
from orders.models import Order
from orders.refunds import Entry, Outcome
from referrals import settlement
from referrals.models import Reward
from shop.kit.money import format_money

State = Reward.State


def rewards(order: Order, outcome: Outcome) -> list[Entry]:
    """The inviter's side, for staff only: what settings name for every plan."""
    found = settlement.foresee(order, goods=outcome.goods, cancels=outcome.cancels)
    if found is None:
        return []
    wanted, reward = found
    amount = format_money(reward.amount, reward.currency)
    label = "Reward of the inviter"
    if wanted.state != State.VOID or reward.state in (State.VOID, State.REVERSED):
        return [Entry(label, amount, "Stays as it is", is_public=False)]
    if reward.state == State.PENDING:
        return [Entry(label, f"−{amount}", "Does not come about", is_public=False)]
    has = ledger.balance(reward.recipient, reward.currency) + reward.amount_frozen
    owed = format_money(max(0, reward.amount - has), reward.currency)
    note = "Taken from the balance" if has >= reward.amount else f"{owed} stays owed"
    return [Entry(label, f"−{amount}", note, is_public=False)]
