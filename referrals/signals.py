"""What the programme tells code of others, each fact from a row that commits with it.

    @receiver(reward_available)
    def congratulate(sender, fact, reward_id, **kwargs): ...

The worker sends them, a moment after commit (`shop.kit.announcements`). Nothing here
depends on who listens. A receiver may hear a fact twice, under the same `fact`, and
must accept arguments that are added later; amounts are minor units.
"""

from accounts.models import Transfer
from referrals.models import Attribution, Claim, Reward, Settlement, Visit
from shop.kit.announcements import Announcement

# A person opened a link: `link_id`, `visitor_id`, and `bucket`, the half hour.
visit_recorded = Announcement("visit_recorded", sender=Visit)

# A new account has an inviter, for now or for good: `attribution_id`, `link_id`,
# `invitee_id`, and `inviter_id` or None.
attribution_made = Announcement("attribution_made", sender=Attribution)
# A link did not, or does not any more, bring somebody: `claim_id`, `link_id`,
# `invitee_id`, `reason`.
attribution_rejected = Announcement("attribution_rejected", sender=Claim)

# A friend's order earns something: `order_id`, `attribution_id`.
order_qualified = Announcement("order_qualified", sender=Settlement)
# `reward_id`, `order_id`, `recipient_id`: it waits for its day.
reward_pending = Announcement("reward_pending", sender=Reward)
# The same: it is in the balance, perhaps once more after it was taken back.
reward_available = Announcement("reward_available", sender=Reward)
# The same: a part of it was taken back or comes again, as the row says.
reward_adjusted = Announcement("reward_adjusted", sender=Reward)
# The same: it was taken back, or does not come about although it was pending.
reward_reversed = Announcement("reward_reversed", sender=Reward)

# An order counts that balance has paid a part of: `order_id`, `user_id`, `amount`.
credit_spent = Announcement("credit_spent", sender=Transfer)


def tell_of_visit(visit: Visit) -> None:
    """Two clicks of one half hour are one fact, as they are one row."""
    bucket = visit.bucket.isoformat()
    visit_recorded.tell(
        f"{visit.visitor_id}:{visit.link_id}:{bucket}",
        link_id=visit.link_id,
        visitor_id=visit.visitor_id,
        bucket=bucket,
    )


def tell_of_attribution(attribution: Attribution) -> None:
    attribution_made.tell(
        attribution.pk,
        attribution_id=attribution.pk,
        link_id=attribution.link_id,
        invitee_id=attribution.invitee_id,
        inviter_id=attribution.inviter_id,
    )


def tell_of_claim(claim: Claim) -> None:
    """Of one that lost; others are told of as the attribution they made."""
    if not claim.won:
        attribution_rejected.tell(
            claim.pk,
            claim_id=claim.pk,
            link_id=claim.link_id,
            invitee_id=claim.invitee_id,
            reason=claim.reason,
        )


def tell_of_reward(signal: Announcement, reward: Reward, event_id: int) -> None:
    """One of the four about a reward; the line of the timeline tells them apart."""
    signal.tell(
        event_id,
        reward_id=reward.pk,
        order_id=reward.order_id,
        recipient_id=reward.recipient_id,
    )
