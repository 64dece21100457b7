"""What must be true of rewards, and how they print."""

from accounts.models import LedgerAccount
from referrals import budgets, settlement
from referrals.models import Budget, InviterQuota, MilestoneReward, Reward
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
    """Net of what it cost, a claim for what was spent included; repayments are not.

    Of one that was taken back, what ran out before is left.
    """
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
               CASE WHEN reward.state IN ('available', 'expired', 'reversed')
                    THEN reward.amount - reward.amount_reversed ELSE 0 END,
               COALESCE(cost.total, 0)
        FROM referrals_reward reward
        LEFT JOIN ({cost}) cost ON cost.reward_id = reward.id
        WHERE COALESCE(cost.total, 0) <>
              CASE WHEN reward.state IN ('available', 'expired', 'reversed')
                   THEN reward.amount - reward.amount_reversed ELSE 0 END
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
                   CASE WHEN COALESCE(asked.lost, 0) > 0
                             AND COALESCE(paid.standing, 0) < shop_order.amount_due
                        THEN 'taken back'
                        WHEN COALESCE(asked.open, 0) > 0 THEN 'on hold'
                        ELSE 'free' END AS expected,
                   CASE WHEN reward.frozen_at IS NULL THEN 'free'
                        ELSE 'on hold' END AS found
            FROM referrals_reward reward
            JOIN referrals_settlement settlement
              ON settlement.order_id = reward.order_id
            JOIN orders_order shop_order ON shop_order.id = reward.order_id
            LEFT JOIN (
                SELECT payment.order_id, SUM(payment.amount_received) AS standing
                FROM orders_payment payment
                LEFT JOIN (
                    SELECT payment_id, SUM(amount_card) AS total
                    FROM orders_refund
                    WHERE accepted_at IS NOT NULL
                      AND state NOT IN ('failed', 'cancelled')
                    GROUP BY payment_id
                ) back ON back.payment_id = payment.id
                WHERE payment.status = 'paid'
                  AND COALESCE(back.total, 0) < payment.amount_received
                  AND NOT EXISTS (
                      SELECT 1 FROM orders_dispute dispute
                      WHERE dispute.payment_id = payment.id
                        AND dispute.status = 'lost'
                  )
                GROUP BY payment.order_id
            ) paid ON paid.order_id = reward.order_id
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


@books.rule(
    "A milestone's transfers leave what its state says, and every one has its row",
    MilestoneReward,
)
def milestone_rewards():
    """Of one that was taken back, what ran out before is left."""
    cost = f"""
        SELECT {books.part("transfer.key", 2)} AS reward_id,
               SUM(CASE WHEN debit.kind = 'programme_cost' AND credit.kind <> 'owed'
                        THEN transfer.amount ELSE -transfer.amount END) AS total
        FROM accounts_transfer transfer
        JOIN accounts_ledgeraccount debit ON debit.id = transfer.debit_id
        JOIN accounts_ledgeraccount credit ON credit.id = transfer.credit_id
        WHERE transfer.key LIKE 'milestone:%' AND transfer.kind <> 'repayment'
          AND 'programme_cost' IN (debit.kind, credit.kind)
        GROUP BY 1
    """
    held = "reward.amount - reward.amount_reversed"
    return books.ask(
        f"""
        SELECT reward.id, {held}, COALESCE(cost.total, 0)
        FROM referrals_milestonereward reward
        LEFT JOIN ({cost}) cost ON cost.reward_id = reward.id
        WHERE COALESCE(cost.total, 0) <> {held}
        UNION ALL
        SELECT cost.reward_id, 0, cost.total
        FROM ({cost}) cost
        LEFT JOIN referrals_milestonereward reward ON reward.id = cost.reward_id
        WHERE reward.id IS NULL
        ORDER BY 1
        """
    )


@books.rule(
    "A budget has promised what its campaign's rewards come to",
    Budget,
    repair=books.Repair("Count again", budgets.recount),
)
def promised():
    return books.ask(
        """
        SELECT budget.id, COALESCE(SUM(kept.amount), 0), budget.amount_committed
        FROM referrals_budget budget
        LEFT JOIN (
            SELECT terms.campaign_id, reward.currency,
                   reward.amount - reward.amount_reversed AS amount
            FROM referrals_reward reward
            JOIN referrals_attribution attribution
              ON attribution.id = reward.attribution_id
            JOIN referrals_terms terms ON terms.id = attribution.terms_id
            WHERE reward.state IN ('pending', 'available', 'expired')
            UNION ALL
            SELECT campaign_id, currency, amount
            FROM referrals_milestonereward
            WHERE state = 'available'
        ) kept ON kept.campaign_id = budget.campaign_id
              AND kept.currency = budget.currency
        GROUP BY budget.id, budget.amount_committed
        HAVING budget.amount_committed <> COALESCE(SUM(kept.amount), 0)
        ORDER BY budget.id
        """
    )


@books.rule("An inviter's count of all times is the rewards they have", InviterQuota)
def counted():
    """Those that staff granted by their word stand beside the caps."""
    return books.ask(
        """
        SELECT quota.id, COUNT(reward.id), quota.used
        FROM referrals_inviterquota quota
        LEFT JOIN (
            SELECT reward.id, reward.recipient_id, terms.campaign_id
            FROM referrals_reward reward
            JOIN referrals_attribution attribution
              ON attribution.id = reward.attribution_id
            JOIN referrals_terms terms ON terms.id = attribution.terms_id
            WHERE reward.state IN ('pending', 'available', 'expired')
              AND reward.waived_at IS NULL
        ) reward ON reward.recipient_id = quota.inviter_id
                AND reward.campaign_id = quota.campaign_id
        WHERE quota.period = 'life'
        GROUP BY quota.id, quota.used
        HAVING COUNT(reward.id) <> quota.used
        ORDER BY quota.id
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
