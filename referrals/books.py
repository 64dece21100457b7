"""What must be true of rewards, and how they print."""

from accounts.models import LedgerAccount
from referrals import settlement
from referrals.models import Reward
from shop.kit import books


def settle_again(reward_id: int) -> str:
    """Settle the order of a reward once more. Safe to repeat."""
    reward = Reward.objects.select_related("order").get(pk=reward_id)
    settlement.settle(reward.order_id)
    reward.refresh_from_db()
    return f"Order {reward.order} settled: {reward.get_state_display().lower()}."


SETTLE_AGAIN = books.Repair("Settle again", settle_again)


@books.rule(
    "A reward's transfers leave what its state says, and every one has its reward",
    Reward,
    repair=SETTLE_AGAIN,
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
          AND 'programme_cost' IN (debit.kind, credit.kind)
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


@books.rule(
    "What is on hold for a person is the parts of their rewards on hold", LedgerAccount
)
def frozen():
    return books.ask(
        """
        SELECT account.id, COALESCE(parts.total, 0), account.balance
        FROM accounts_ledgeraccount account
        LEFT JOIN (
            SELECT recipient_id, currency, SUM(amount_frozen) AS total
            FROM referrals_reward
            GROUP BY recipient_id, currency
        ) parts ON parts.recipient_id = account.owner_id
               AND parts.currency = account.currency
        WHERE account.kind = 'frozen' AND account.balance <> COALESCE(parts.total, 0)
        ORDER BY account.id
        """
    )


@books.rule("The part of a reward on hold is what its own transfers set aside", Reward)
def frozen_parts():
    return books.ask(
        f"""
        SELECT reward.id, reward.amount_frozen, COALESCE(moved.total, 0)
        FROM referrals_reward reward
        LEFT JOIN (
            SELECT {books.part("transfer.key", 2)} AS reward_id,
                   SUM(CASE WHEN transfer.kind = 'freeze'
                            THEN transfer.amount ELSE -transfer.amount END) AS total
            FROM accounts_transfer transfer
            WHERE transfer.key LIKE 'reward:%' AND transfer.kind IN ('freeze', 'thaw')
            GROUP BY 1
        ) moved ON moved.reward_id = reward.id
        WHERE reward.amount_frozen <> COALESCE(moved.total, 0)
        ORDER BY reward.id
        """
    )


@books.rule(
    "A reward is on hold while its payment is questioned, and goes when that is lost",
    Reward,
    repair=SETTLE_AGAIN,
)
def questioned():
    """An order that waits for the sweep to settle it is not judged yet."""
    return books.ask(
        """
        SELECT id, expected, found
        FROM (
            SELECT reward.id,
                   CASE WHEN COALESCE(asked.lost, 0) > 0 THEN 'taken back'
                        WHEN COALESCE(asked.open, 0) > 0 THEN 'on hold'
                        ELSE 'free' END AS expected,
                   CASE WHEN reward.frozen_at IS NULL THEN 'free'
                        ELSE 'on hold' END AS found
            FROM referrals_reward reward
            JOIN referrals_settlement settlement
              ON settlement.order_id = reward.order_id
            LEFT JOIN (
                SELECT payment.order_id,
                       SUM(CASE WHEN dispute.closed_at IS NULL THEN 1 ELSE 0 END)
                           AS open,
                       SUM(CASE WHEN dispute.status = 'lost' THEN 1 ELSE 0 END)
                           AS lost
                FROM orders_dispute dispute
                JOIN orders_payment payment ON payment.id = dispute.payment_id
                GROUP BY payment.order_id
            ) asked ON asked.order_id = reward.order_id
            WHERE reward.state IN ('pending', 'available')
              AND NOT EXISTS (
                  SELECT 1 FROM orders_orderevent event
                  WHERE event.order_id = reward.order_id
                    AND event.id > settlement.last_event
              )
        ) judged
        WHERE expected <> found
        ORDER BY id
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
