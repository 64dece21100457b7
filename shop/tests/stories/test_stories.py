"""Stories told twice: once in fair weather, once through a storm, with one end.

In fair weather every event of Stripe's reaches the shop once, in order, at once. In a
storm the events of all that banks, customers at Stripe and Stripe's dashboard do are
mixed: late, in any order, up to three times, some again long after, some never, so that
the shop has to ask for them. What people do in the shop itself (place an order, refund
it, spend) depends on what the shop has heard; before each such act all that was said
until then has arrived, in both tellings. So events are mixed between two acts in the
shop, and repeated across all of them. The last test mixes the events of a whole story,
told to a shop that had heard nothing.

After every telling the books are proved against Stripe's own lists.
"""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shop.tests.stories import acts, stage
from shop.tests.stories.acts import Act, Beginning, Story
from shop.tests.stories.stage import Weather

pytestmark = pytest.mark.django_db

# A story costs as much as a hundred small properties; see CONTRIBUTING.md for more.
STORIES = settings(
    max_examples=settings().max_examples // 5,
    phases=[Phase.explicit, Phase.generate],  # shrinking one would take many minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

LIKELY = sorted(acts.VERBS) + [
    *("order", "pay", "spend", "wait", "give_back", "refund_fails"),
    *("dispute", "win", "lose", "refund_amount", "refund_all"),
]
some_acts = st.builds(
    Act, st.sampled_from(LIKELY), st.integers(0, 2), st.integers(0, 3)
)
beginnings = st.builds(
    Beginning,
    hold_days=st.sampled_from([0, 1]),
    balance=st.sampled_from([0, 1200, 9000]),
    allows_debit=st.booleans(),
)
stories = st.builds(
    lambda beginning, cart, paid, rest: Story(
        beginning, (Act("order", 0, cart), *paid, *rest)
    ),
    beginnings,
    st.integers(0, 3),
    st.sampled_from([(Act("pay"),), (Act("pay"),), ()]),
    st.lists(some_acts, max_size=10),
)
storms = st.builds(
    Weather,
    seed=st.integers(0, 2**16),
    copies=st.integers(1, 3),
    drop=st.sampled_from([0, 0.3, 0.6]),
    restless=st.booleans(),
)


@STORIES
@given(story=stories, storm=storms)
def test_no_storm_changes_the_end_of_a_story(run_jobs, story, storm):
    assert_same_end(story, storm)


def assert_same_end(story, storm):
    if not storm.restless:
        assert stage.tell(story, storm) == stage.tell(story)
        return
    # Of a questioned payment, a reward paid before is on hold, another one waits: who
    # has what is the same when the banks have answered.
    story = replace(story, acts=(*story.acts, *ANSWERS))
    rough, fair = stage.tell(story, storm), stage.tell(story)
    assert rough.without_detours() == fair.without_detours()


ANSWERS = [Act(verb, n, n) for verb in ("win", "dismiss") for n in range(4)]


def a_story(*verbs, **beginning):
    """`"pay"`, `"pay 1"` for the second order, `"order 0 2"` with a figure."""
    told = [verb.split() for verb in verbs]
    return Story(
        Beginning(**beginning),
        tuple(Act(verb, *map(int, figures)) for verb, *figures in told),
    )


BOUGHT = ("order", "pay")

# Each story, and what must be seen in its last picture: so the stories above, made of
# the same acts, can reach whatever is worth reaching.
ENDS = {
    "an inviter is rewarded": (
        a_story(*BOUGHT),
        lambda end: end.balances["inviter@example.com", "wallet"] == 500,
    ),
    "a reward waits": (
        a_story(*BOUGHT, hold_days=1),
        lambda end: end.rewards[0][1] == "pending",
    ),
    "a reward waited long enough": (
        a_story(*BOUGHT, "wait 0 1", hold_days=1),
        lambda end: end.rewards[0][1] == "available",
    ),
    "a refund in time, and there never was a reward": (
        a_story(*BOUGHT, "refund_all", hold_days=1),
        lambda end: end.rewards[0][1] == "void",
    ),
    "a refund takes the reward back": (
        a_story(*BOUGHT, "refund_all"),
        lambda end: end.rewards[0][1] == "reversed",
    ),
    "a spent reward is owed": (
        a_story(*BOUGHT, "spend", "pay 1", "refund_all"),
        lambda end: end.balances["inviter@example.com", "owed"] == 500,
    ),
    "small refunds cost no reward": (
        a_story(*BOUGHT, "refund_amount 0 1", "refund_delivery"),
        lambda end: len(end.refunds) == 2 and end.rewards[0][1] == "available",
    ),
    "pieces go back on the shelf": (
        a_story(*BOUGHT, "refund_pieces 0 0", "refund_pieces 0 0"),
        lambda end: end.stock["LAMP"] == 30,
    ),
    "a questioned reward is on hold": (
        a_story(*BOUGHT, "wait", "dispute"),
        lambda end: end.balances["inviter@example.com", "frozen"] == 500,
    ),
    "a dispute is lost": (
        a_story(*BOUGHT, "wait", "dispute", "lose"),
        lambda end: end.rewards[0][1::3] == ("reversed", "dispute_lost"),
    ),
    "a dispute is won": (
        a_story(*BOUGHT, "dispute", "wait", "win"),
        lambda end: end.disputes[0][1] == "won" and end.rewards[0][1] == "available",
    ),
    "an inquiry grows and is lost": (
        a_story(*BOUGHT, "inquire", "escalate", "lose"),
        lambda end: end.disputes[0][1] == "lost",
    ),
    "a refund answers an inquiry": (
        a_story(*BOUGHT, "inquire", "wait", "refund_all"),
        lambda end: end.disputes[0][1] == "warning_closed",
    ),
    "a warning is dismissed": (
        a_story(*BOUGHT, "warn", "dismiss"),
        lambda end: end.disputes[0][1] == "fraud_warning" and end.disputes[0][4],
    ),
    "a refund fails and the money finds another way": (
        a_story(*BOUGHT, "refund_all", "refund_fails", "refund_all"),
        lambda end: sorted(row[5] for row in end.refunds) == ["failed", "succeeded"],
    ),
    "a slow refund arrives": (
        a_story("order", "pay 0 1", "refund_all", "refund_arrives"),
        lambda end: end.refunds[0][5] == "succeeded",
    ),
    "a slow refund is called off": (
        a_story("order", "pay 0 1", "refund_all", "call_off"),
        lambda end: end.refunds[0][5] == "cancelled",
    ),
    "refunded in Stripe's dashboard": (
        a_story(*BOUGHT, "give_back 0 0", "give_back 0 2"),
        lambda end: {row[1] for row in end.refunds} == {"stripe"},
    ),
    "declined, then paid": (
        a_story("order", "decline", "pay"),
        lambda end: end.orders[0][0] == "confirmed",
    ),
    "never paid": (
        a_story("order", "wait", balance=1200),
        lambda end: (
            end.orders[0][0] == "expired"
            and end.balances["friend@example.com", "wallet"] == 1200
        ),
    ),
    "late money buys after all": (
        a_story("order", "give_up", "pay", balance=1200),
        lambda end: end.orders[0][:3] == ("confirmed", "", True),
    ),
    "late money for what is gone goes back": (
        a_story("order 0 2", "give_up", "snatch", "pay"),
        lambda end: end.refunds[0][1] == "automatic" and end.orders[0][1],
    ),
    "all paid by balance, and cancelled": (
        a_story("order", "cancel", balance=9000),
        lambda end: end.balances["friend@example.com", "wallet"] == 9000,
    ),
    "cancelled by its buyer, by card and balance": (
        a_story(*BOUGHT, "cancel", balance=1200),
        lambda end: end.orders[0][0] == "cancelled" and end.stock["LAMP"] == 30,
    ),
    "a second order counts for nothing": (
        a_story(*BOUGHT, "order", "pay 1"),
        lambda end: (1, "not_first_order") in end.settlements,
    ),
    "a debit arrives after days": (
        a_story("order", "debit", "wait 0 2", allows_debit=True),
        lambda end: end.orders[0][0] == "confirmed",
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_story_has_its_end_in_any_weather(run_jobs, name):
    story, is_seen = ENDS[name]

    fair = stage.tell(story)

    assert is_seen(fair), fair
    assert stage.tell(story, Weather(seed=len(name))) == fair


WHOLE = a_story(
    *("order", "decline", "pay", "give_back 0 0", "give_back 0 1", "refund_fails 0 1"),
    *("inquire", "escalate", "win", "warn"),
)


@cache
def in_order():
    """The end of the whole story for a shop that hears all of it late, but in order."""
    late = stage.tell_afterwards(WHOLE, list)
    assert late.without_detours() == stage.tell(WHOLE).without_detours()
    return late


@STORIES
@given(data=st.data())
def test_a_shop_that_heard_nothing_may_hear_all_in_any_order(run_jobs, data):
    def mixed(events):
        every = range(len(events))
        again = data.draw(st.lists(st.sampled_from(every), max_size=len(events)))
        return [events[n] for n in data.draw(st.permutations([*every, *again]))]

    late = stage.tell_afterwards(WHOLE, mixed)

    assert late == in_order()
