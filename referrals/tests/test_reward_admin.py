"""What staff do about rewards and offers: by verbs, with a reason, after a look."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts import ledger
from accounts.models import LedgerAccount
from catalog.models import Category
from referrals import settlement
from referrals.models import Budget, Campaign, Reward, Terms
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    set_terms,
)
from shop.kit import guards
from shop.kit.staff import change_url, list_url

pytestmark = pytest.mark.django_db


def act(client, model, action, *rows, **data):
    return client.post(
        reverse(f"admin:{model}_changelist"),
        {"action": action, ACTION_CHECKBOX_NAME: [row.pk for row in rows], **data},
        follow=True,
    )


def test_staff_grant_a_reward_after_a_page_that_asks_why(admin_client):
    terms, inviter = set_terms(hold_days=0, cap_per_month=0), make_member()
    settlement.settle(make_order(make_attribution(inviter, terms=terms).invitee))
    reward = Reward.objects.get()

    page = act(admin_client, "referrals_reward", "grant_anyway", reward)
    assert "Over cap" in page.content.decode()
    assert "$5.00" in page.content.decode()
    act(admin_client, "referrals_reward", "grant_anyway", reward, confirmed="yes")
    assert ledger.balance(inviter, "USD") == 0

    said = {"confirmed": "yes", "reason": "She told us at the market"}
    for _ in range(2):
        act(admin_client, "referrals_reward", "grant_anyway", reward, **said)

    assert ledger.balance(inviter, "USD") == 500
    assert "at the market" in LogEntry.objects.get().change_message


def test_staff_let_go_of_what_is_owed_as_it_was_shown(admin_client):
    anna = make_member()
    ledger.take_back(
        key="test:owed",
        user=anna,
        amount=300,
        currency="USD",
        reason="Taken back",
    )
    owed = LedgerAccount.objects.get(owner=anna, kind="owed")

    page = act(admin_client, "accounts_ledgeraccount", "write_off", owed)
    assert "$3.00" in page.content.decode()
    stale = {"confirmed": "yes", "reason": "A kindness", "shown": f"{owed.pk}:200"}
    act(admin_client, "accounts_ledgeraccount", "write_off", owed, **stale)
    assert ledger.balance(anna, "USD", ledger.Kind.OWED) == 300

    said = {**stale, "shown": f"{owed.pk}:300"}
    for _ in range(2):
        act(admin_client, "accounts_ledgeraccount", "write_off", owed, **said)

    assert ledger.balance(anna, "USD", ledger.Kind.OWED) == 0
    assert LogEntry.objects.get().object_id == str(owed.pk)


def test_milestones_and_exclusions_are_chosen_with_the_next_version(admin_client):
    branch = Category.objects.create(name="Paper", slug="paper", path="paper")
    add = reverse("admin:referrals_terms_add")
    data = admin_client.get(add).context["adminform"].form.initial

    wrong = admin_client.post(add, {**data, "steps": "five: 10"})
    assert "Write each line like 5: 10.00." in wrong.content.decode()
    said = {"steps": "5: 10.00\n10: 25", "excluded_categories": [branch.pk]}
    assert admin_client.post(add, {**data, **said}).status_code == 302

    newest = Terms.objects.first()
    steps = list(newest.milestones.values_list("friends_count", "amount"))
    assert steps == [(5, 1000), (10, 2500)]
    assert newest.exclusions.get().category == branch
    again = admin_client.get(add).context["adminform"].form.initial
    assert again["steps"] == "5: 10.00\n10: 25.00"


def test_a_budget_is_given_raised_and_never_set_below_what_is_promised(admin_client):
    terms = set_terms(hold_days=14)
    settlement.settle(make_order(make_attribution(terms=terms).invitee))
    campaign, add = Campaign.objects.get(), reverse("admin:referrals_budget_add")

    low = admin_client.post(add, {"campaign": campaign.pk, "amount_limit": "4.00"})
    assert "$5.00 of it is promised already." in low.content.decode()
    admin_client.post(add, {"campaign": campaign.pk, "amount_limit": "100.00"})
    budget = Budget.objects.get()
    assert (budget.amount_limit, budget.amount_committed) == (10_000, 500)

    change = reverse("admin:referrals_budget_change", args=[budget.pk])
    assert 'value="100.00"' in admin_client.get(change).content.decode()
    admin_client.post(change, {"amount_limit": "200.00"})
    budget.refresh_from_db()
    assert (budget.amount_limit, budget.amount_committed) == (20_000, 500)


def test_staff_read_money_as_money_and_reasons_as_words(admin_client):
    rules = set_terms(
        inviter_amount=123_400, friend_amount=567_800, minimum_amount=910_000
    )
    attribution = make_attribution(terms=rules)
    settlement.settle(make_order(attribution.invitee, goods=1_000_000))
    reward = Reward.objects.get()
    with guards.lifted():
        Reward.objects.update(reason="over_cap", amount_reversed=11_100)

    pages = {
        change_url(Reward, reward.pk): ["$1,234.00", "$111.00", "Over cap"],
        list_url(Reward): ["$1,234.00", "$111.00", "Over cap"],
        change_url(Terms, rules.pk): ["$1,234.00", "$5,678.00", "$9,100.00"],
        change_url(Campaign, rules.campaign_id): ["$1,234.00", "$5,678.00"],
    }
    for url, wanted in pages.items():
        html = admin_client.get(url).content.decode()
        assert [each for each in wanted if each not in html] == [], url
        for raw in ("123400", "11100", "567800", "910000", "Minor units"):
            assert f">{raw}<" not in html, url
        assert "Minor units" not in html


def save(client, campaign, **said):
    """Press Save on a campaign's page; what the next page says."""
    data = {"name": campaign.name, "starts_at_0": "2026-01-01", "starts_at_1": "00:00"}
    data |= {"terms-TOTAL_FORMS": "0", "terms-INITIAL_FORMS": "0"}
    page = client.post(change_url(Campaign, campaign.pk), data | said, follow=True)
    return [str(each) for each in page.context["messages"]]


def test_staff_are_told_when_members_have_nothing_to_share_any_more(admin_client):
    campaign = Campaign.objects.get(is_default=True)
    nothing = "Members have nothing to share now: no default campaign is open."

    assert nothing not in save(admin_client, campaign, is_default="on")
    ended = {"ends_at_0": "2026-01-02", "ends_at_1": "00:00"}
    assert nothing in save(admin_client, campaign, is_default="on", **ended)
    assert nothing in save(admin_client, campaign)

    said = save(admin_client, campaign, is_default="on")

    assert nothing not in said
    assert f"Members share “{campaign}” from now on." in said
