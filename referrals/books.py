"""What must be true of rewards, and how they print."""

from referrals import settlement
from referrals.models import Reward
from shop.kit import books


def settle_again(reward_id: int) -> str:
    """Settle the order of a reward once more. Safe to repeat."""
    reward = Reward.objects.select_related("order").get(pk=reward_id)
    settlement.settle(reward.order_id)
    reward.refresh_from_db()
    return f"Order {reward.order} settled: {reward.get_state_display().lower()}."


@books.rule(
    "A reward's transfers leave what its state says, and every one has its reward",
    Reward,
    repair=books.Repair("Settle again", settle_again),
)
def rewards():
    """Net of what it cost, a claim for what was spent included; repayments are not."""
    cost = f"""
        SELECT {books.part("transfer.key", 2)} AS reward_id,
               SUM(CASE WHEN debit.kind = 'programme_cost' AND credit.kind <> 'owed'
                        THEN transfer.amount ELSE -transfer.amount END) AS total
        FROM accounts_transfer transfer
        JOIN accounts_ledgeraccount debit ON debit.id = transfer.debit_id
        JOIN accounts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE transfer.key LIKE 'reward:%' AND transfer.kind <> 'repayment'
        GROUP BY 1
    """
    return books.ask(
        f"""
        SELECT reward.id,
               CASE WHEN reward.state = 'available' THEN reward.amount ELSE 0 END,
               COALESCE(cost.total, 0)
        FROM referrals_reward reward
        LEFT JOIN ({cost}) cost ON cost.reward_id = reward.id
        WHERE COALESCE(cost.total, 0) <>
              CASE WHEN reward.state = 'available' THEN reward.amount ELSE 0 END
        UNION ALL
        SELECT cost.reward_id, 0, cost.total
        FROM ({cost}) cost
        LEFT JOIN referrals_reward reward ON reward.id = cost.reward_id
        WHERE reward.id IS NULL
        ORDER BY 1
        """
    )


@books.section("rewards")
def reward_rows() -> list[dict]:
    """What inviters were promised or paid."""
    rows = Reward.objects.exclude(state=Reward.State.VOID).order_by("pk")
    return [
        {
            "rule": "inviter",
            "invited": invitee,
            "order": code,
            "reversed": state == Reward.State.REVERSED,
        }
        for invitee, code, state in rows.values_list(
            "attribution__invitee_id", "order__code", "state"
        ).iterator(2000)
    ]
