"""Why there is no credit, not yet, or not any more: each code's words for the inviter.

What is harmless is told; for the rest stands one sentence that accuses nobody, with a
way to object.
"""

from referrals import review
from referrals.models import Terms
from referrals.review import PublicReason
from shop.kit.money import format_money

# Why there is no credit.
NO_CREDIT = {
    "below_minimum": "The first order was below the {minimum} that counts.",
    "nothing_paid": "Nothing was paid in money for goods that count.",
    "too_late": "The order came more than {order_days} days after they joined.",
    "not_first_order": "Only a first order counts, and this was not the first.",
    "already_rewarded": "You already have the credit for this friend.",
    "other_currency": "The order was in another currency.",
    "refunded": "The order was returned.",
    "partly_refunded": "What was kept of the order is below the {minimum} that counts.",
    "cancelled": "The order was cancelled.",
    "dispute_lost": "The payment was taken back by the bank.",
    "no_reward_promised": "The offer they joined under had no credit for you.",
    "over_cap": "This was one friend more than is rewarded: the most is {caps}.",
    "budget_exhausted": "The money set aside for invitations was used up by then.",
    "staff_order": "Orders of people who work for us do not count.",
    "friend_gone": "Their account was closed before the credit came.",
    "attribution_void": "This did not count as a new friend.",
}
# Why there is none yet: a badge and a sentence.
NOT_YET = {
    "paused": (
        "Paused",
        "The programme was paused when they bought. Once it goes on, the order counts.",
    ),
    "not_paid": ("Not yet", "The order is not paid in full yet."),
    "not_verified": (
        "Joined, not confirmed",
        "They have not confirmed their email address yet.",
    ),
}
# Why a promise waits, beside the time in which things can be sent back.
WAITS = {
    "too_few_friends": "{amount} comes once {friends} of your friends have bought.",
    "not_delivered": "{amount} comes {hold}.",
    "releases_paused": "{amount} is on the way. All payouts wait for a look of ours.",
}
# A person looks, or has looked: nobody learns at what.
CHECKED = {"in_review", "rule_failed"}
# The same of credit that was promised.
LOOKED_AT = {*CHECKED, "blocked"}
REFUSED = {"rejected", "blocked", "no_inviter", "inviter_gone", "not_confirmed"}

# Why what was paid went back.
WENT_BACK = {
    "refunded": "The order was returned",
    "partly_refunded": "Too little of the order was kept",
    "cancelled": "The order was cancelled",
    "dispute_lost": "The payment was taken back by the bank",
    "attribution_void": "This did not count as a new friend",
}

# What went back is due again, and why it is not back yet.
DUE_AGAIN = {
    "over_cap": "The {amount} is due again, but the most is {caps}: it comes back if a "
    "place becomes free.",
    "budget_exhausted": "The {amount} is due again, but the money set aside for "
    "invitations is used up: it comes back once there is more.",
    "releases_paused": "The {amount} is due again. All payouts wait for a look of "
    "ours.",
}

KNOWN = frozenset({*NO_CREDIT, *NOT_YET, *WAITS, *CHECKED, *REFUSED})

NEVER_CONFIRMED = PublicReason("They never confirmed their email address.")


def why_not(reason: str, terms: Terms) -> PublicReason:
    """Why there is no credit, in the words of every page and mail."""
    words = NO_CREDIT.get(reason)
    if words is None:
        return review.refused()
    said = words.format(
        minimum=format_money(terms.minimum_amount, terms.currency, short=True),
        order_days=terms.order_days,
        caps=terms.caps_words,
    )
    is_about_them = reason == "attribution_void"
    return PublicReason(said, review.appeal_email() if is_about_them else "")
