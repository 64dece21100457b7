"""What staff give or take by hand: once, within limits, and by two if it is much."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import adjustments, ledger, privacy, statements
from accounts.models import Adjustment, Transfer, User
from orders.tests.racing import at_once
from shop.kit.staff import change_url

pytestmark = pytest.mark.django_db

NOON = datetime(2036, 5, 10, 12, tzinfo=UTC)
REASON = "Her parcel came late"


@pytest.fixture(autouse=True)
def _at_noon(time_machine):
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def anna():
    return User.objects.create_user("anna@example.com", "x", name="Anna Lindqvist")


def make_clerk(email="clerk@example.com", *names):
    names = names or ("add_adjustment", "change_adjustment", "view_adjustment")
    clerk = User.objects.create_user(email, "x", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=names))
    return clerk


def ask(owner, actor, amount=500, **changes):
    said = {
        "is_credit": True,
        "currency": "USD",
        "reason": REASON,
        "words": "Sorry for the delay",
        "token": f"token-{Adjustment.objects.count()}",
    }
    return adjustments.ask(owner=owner, actor=actor, amount=amount, **said | changes)


def test_what_is_given_is_a_transfer_with_its_reason(anna):
    clerk = make_clerk()

    made = ask(anna, clerk)

    assert made.state == "Done"
    assert ledger.balance(anna, "USD") == 500
    assert ledger.shop_balance(ledger.Kind.GOODWILL, "USD") == -500
    assert (made.transfer.actor, made.transfer.kind) == (clerk, "adjustment")
    (line,) = statements.of(anna, "USD")
    assert line.reason == "Sorry for the delay"


def test_what_is_taken_is_a_transfer_the_other_way(anna):
    clerk = make_clerk()
    ask(anna, clerk)

    ask(anna, clerk, 200, is_credit=False)

    assert ledger.balance(anna, "USD") == 300


def test_more_than_there_is_cannot_be_taken(anna):
    with pytest.raises(adjustments.TooLittle, match=r"holds only \$0"):
        ask(anna, make_clerk(), is_credit=False)

    assert not Adjustment.objects.exists()


def test_a_form_pressed_twice_is_done_once(anna):
    clerk = make_clerk()

    first = ask(anna, clerk, token="one")
    second = ask(anna, clerk, token="one")

    assert first == second
    assert ledger.balance(anna, "USD") == 500


def test_nobody_adjusts_their_own_balance(anna):
    with pytest.raises(adjustments.OwnAffair):
        ask(anna, anna)
    with pytest.raises(IntegrityError), transaction.atomic():
        Adjustment.objects.create(
            owner=anna,
            asked_by=anna,
            amount=1,
            is_credit=True,
            currency="USD",
            reason="x",
            words="x",
            token="x",
            needs_two=False,
        )


def test_a_day_has_a_limit_and_the_next_one_its_own(anna, time_machine):
    clerk, ben = make_clerk(), User.objects.create_user("ben@example.com", "x")
    ask(anna, clerk, 1200)

    with pytest.raises(adjustments.OverLimit, match=r"\$8"):
        ask(ben, clerk, 801)
    ask(ben, clerk, 800)

    time_machine.move_to(NOON + timedelta(days=1))
    ask(ben, clerk, 1200)
    assert ledger.balance(ben, "USD") == 2000


def test_a_limit_is_a_roles(anna, settings):
    settings.ADJUSTMENT_LIMITS = {"Support": 3000, "Trainees": 100}
    clerk = make_clerk()
    assert adjustments.limit_of(clerk) == 2000

    clerk.groups.add(Group.objects.create(name="Trainees"))
    assert adjustments.limit_of(clerk) == 100

    clerk.groups.add(Group.objects.create(name="Support"))
    assert adjustments.limit_of(clerk) == 3000
    clerk.is_superuser = True
    assert adjustments.limit_of(clerk) is None


def make_boss(email="boss@example.com"):
    return User.objects.create_superuser(email, "x")


def test_much_takes_another_person(anna):
    boss, other = make_boss(), make_boss("other@example.com")

    made = ask(anna, boss, 5001)

    assert made.state == "Waits for another person"
    assert not Transfer.objects.exists()
    with pytest.raises(adjustments.OwnAffair):
        adjustments.confirm(made.pk, actor=boss)
    done = adjustments.confirm(made.pk, actor=other)
    assert (done.decided_by, ledger.balance(anna, "USD")) == (other, 5001)
    with pytest.raises(adjustments.NotWaiting):
        adjustments.confirm(made.pk, actor=other)
    with pytest.raises(adjustments.NotWaiting):
        adjustments.refuse(made.pk, actor=other, reason="Too late")


def test_much_in_small_parts_is_much(anna):
    first, second = make_boss(), make_boss("other@example.com")
    ask(anna, first, 2600)

    made = ask(anna, second, 2500)

    assert made.needs_two
    assert ledger.balance(anna, "USD") == 2600


def test_whom_it_concerns_confirms_nothing(anna):
    made = ask(make_boss("staff-anna@example.com"), make_boss(), 9000)

    with pytest.raises(adjustments.OwnAffair):
        adjustments.confirm(made.pk, actor=made.owner)
    with pytest.raises(adjustments.OwnAffair):
        adjustments.refuse(made.pk, actor=made.owner, reason="Mine")


def test_what_is_refused_moves_nothing_and_counts_for_nothing(anna):
    boss = make_boss()
    made = ask(anna, boss, 9000)

    adjustments.refuse(made.pk, actor=boss, reason="A slip of the hand")

    made.refresh_from_db()
    assert made.state == "Refused"
    assert not Transfer.objects.exists()
    assert not ask(anna, boss, 5000).needs_two


def test_the_database_keeps_four_eyes_and_what_was_said(anna):
    boss, other = make_boss(), make_boss("other@example.com")
    waits, done = ask(anna, boss, 9000), ask(make_clerk(), other)
    rows = Adjustment.objects.filter(pk=waits.pk)

    for change in (
        {"amount": 1},
        {"reason": "Another"},
        {"needs_two": False},
        {"decided_at": NOON},
        {"transfer": done.transfer, "decided_at": NOON, "decided_by": boss},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Adjustment.objects.filter(pk=done.pk).update(decided_by=boss)


# The pages


def page_of(owner):
    return reverse("admin:accounts_adjustment_ask", args=[owner.pk])


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def said(client, owner, **changes):
    token = client.get(page_of(owner)).context["form"]["token"].value()
    typed = {"way": "give", "amount": "5", "words": "Sorry", "reason": REASON}
    return typed | {"token": token} | changes


def test_a_double_click_is_one_adjustment(anna):
    client = signed_in(make_clerk())
    form = said(client, anna)

    first = client.post(page_of(anna), form)
    second = client.post(page_of(anna), form)

    assert first["Location"] == second["Location"]
    assert ledger.balance(anna, "USD") == 500
    assert REASON in LogEntry.objects.first().change_message


def test_two_pages_are_two_adjustments(anna):
    client = signed_in(make_clerk())

    for _ in range(2):
        client.post(page_of(anna), said(client, anna))

    assert ledger.balance(anna, "USD") == 1000


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ({"reason": ""}, "This field is required"),
        ({"reason": "short"}, "at least 10 characters"),
        ({"amount": "0"}, "or more"),
        ({"amount": "-5"}, "or more"),
        ({"amount": "20.01"}, "more than you may move today: $20.00 are left"),
        ({"way": "take"}, "The balance holds only $0"),
        ({"token": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page(anna, typed, answer):
    client = signed_in(make_clerk())

    page = client.post(page_of(anna), said(client, anna, **typed))

    assert page.status_code == 200
    assert answer in page.content.decode()
    assert not Transfer.objects.exists()


def test_a_large_one_is_confirmed_on_its_own_page(anna):
    boss, other = signed_in(make_boss()), signed_in(make_boss("other@example.com"))
    asked = boss.post(page_of(anna), said(boss, anna, amount="60"), follow=True)
    page, row = asked.redirect_chain[-1][0], Adjustment.objects.get()
    decide = reverse("admin:accounts_adjustment_decide", args=[row.pk])
    assert "takes another person to confirm" in asked.content.decode()
    assert 'value="confirm"' not in boss.get(page).content.decode()
    assert 'value="confirm"' in other.get(page).content.decode()

    refused = boss.post(decide, {"verdict": "confirm"}, follow=True)
    assert "Another person has to confirm it." in refused.content.decode()
    unsaid = other.post(decide, {"verdict": "refuse", "reason": " "}, follow=True)
    assert "Say why it is refused." in unsaid.content.decode()
    assert other.get(decide).status_code == 405
    other.post(decide, {"verdict": "confirm"})
    late = other.post(decide, {"verdict": "refuse", "reason": "Wait"}, follow=True)

    assert "Already confirmed by " in late.content.decode()
    assert ledger.balance(anna, "USD") == 6000
    assert 'value="refuse"' not in other.get(page).content.decode()


def test_a_refusal_with_its_reason_stands_on_the_page(anna):
    boss = signed_in(make_boss())
    boss.post(page_of(anna), said(boss, anna, amount="60"))
    row = Adjustment.objects.get()
    decide = reverse("admin:accounts_adjustment_decide", args=[row.pk])

    boss.post(decide, {"verdict": "refuse", "reason": "A slip of the hand"})

    html = boss.get(change_url(Adjustment, row.pk)).content.decode()
    assert "A slip of the hand" in html


def test_pages_are_for_those_who_may(anna):
    looker = signed_in(make_clerk("looker@example.com", "view_adjustment"))
    row = ask(anna, make_boss(), 9000)
    decide = reverse("admin:accounts_adjustment_decide", args=[row.pk])

    assert looker.get(page_of(anna)).status_code == 403
    assert looker.post(decide, {"verdict": "confirm"}).status_code == 403
    assert looker.get(change_url(Adjustment, row.pk)).status_code == 200


def test_nothing_is_posted_to_an_account_that_was_closed_meanwhile(anna):
    boss, other = make_boss(), signed_in(make_boss("other@example.com"))
    row = ask(anna, boss, 9000)
    decide = reverse("admin:accounts_adjustment_decide", args=[row.pk])
    privacy.close(anna, gives_up={})

    page = other.post(decide, {"verdict": "confirm"}, follow=True)

    assert "This account was closed by its owner" in page.content.decode()
    assert not Transfer.objects.exists()
    other.post(decide, {"verdict": "refuse", "reason": "Nobody is there"})
    row.refresh_from_db()
    assert row.state == "Refused"


def test_nothing_is_asked_for_a_closed_account(anna):
    privacy.close(anna, gives_up={})
    client = signed_in(make_clerk())

    page = client.post(page_of(anna), said(client, anna))

    assert "This account was closed by its owner" in page.content.decode()
    assert not Adjustment.objects.exists()


def test_nobody_opens_their_own_page_to_any_use():
    boss = make_boss()
    client = signed_in(boss)

    page = client.post(page_of(boss), said(client, boss))

    assert "Nobody adjusts their own balance" in page.content.decode()
    assert not Transfer.objects.exists()


# Races


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_presses_at_one_moment_are_one_adjustment(anna):
    clerk = make_clerk()

    found = at_once(*[lambda: ask(anna, clerk, token="one")] * 4)

    assert len({made.pk for made in found}) == 1
    assert ledger.balance(anna, "USD") == 500


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_limit_is_not_passed_by_being_quick(anna):
    clerk = make_clerk()

    found = at_once(
        *[lambda n=n: ask(anna, clerk, 900, token=f"press {n}") for n in range(4)]
    )

    refused = [each for each in found if isinstance(each, adjustments.OverLimit)]
    assert len(refused) == 2
    assert ledger.balance(anna, "USD") == 1800


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_who_give_at_one_moment_need_a_second_look(anna):
    bosses = [make_boss(f"boss-{number}@example.com") for number in range(3)]

    made = at_once(
        *[lambda b=b: ask(anna, b, 2400, token=f"by {b.pk}") for b in bosses]
    )

    assert sorted(each.needs_two for each in made) == [False, False, True]
    assert ledger.balance(anna, "USD") == 4800


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_one_word_is_the_last_when_two_decide_at_one_moment(anna):
    boss, other = make_boss(), make_boss("other@example.com")
    made = ask(anna, boss, 9000)

    found = at_once(
        lambda: adjustments.confirm(made.pk, actor=other),
        lambda: adjustments.refuse(made.pk, actor=boss, reason="A slip"),
    )

    assert sum(isinstance(each, adjustments.NotWaiting) for each in found) == 1
    made.refresh_from_db()
    assert ledger.balance(anna, "USD") == (9000 if made.state == "Done" else 0)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_whoever_closes_an_account_first_is_given_nothing_afterwards(anna):
    boss, other = make_boss(), make_boss("other@example.com")
    made = ask(anna, boss, 9000)

    confirmed, closed = at_once(
        lambda: adjustments.confirm(made.pk, actor=other),
        lambda: privacy.close(anna, gives_up={}),
    )

    anna.refresh_from_db()
    if anna.is_closed:
        assert isinstance(confirmed, adjustments.Gone)
        assert ledger.balance(anna, "USD") == 0
    else:
        assert isinstance(closed, privacy.BalanceChanged)
        assert ledger.balance(anna, "USD") == 9000
