import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from referrals import cards, terms
from referrals.models import Campaign, Terms
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    set_terms,
)

pytestmark = pytest.mark.django_db


def test_the_shop_opens_with_an_offer():
    offer = terms.current("USD")

    assert (offer.inviter_amount, offer.friend_amount) == (500, 500)
    assert offer.minimum_amount == 2000
    assert (offer.visit_days, offer.order_days, offer.hold_days) == (30, 90, 14)


def test_a_change_is_a_new_version_and_the_old_one_stays():
    before = terms.current("USD")

    after = set_terms(hold_days=0)

    assert (before.number, after.number) == (1, 2)
    assert (after.inviter_amount, after.hold_days) == (500, 0)
    assert Terms.objects.get(number=1).hold_days == 14
    assert terms.current("USD") == after


def test_a_version_is_never_rewritten():
    with pytest.raises(IntegrityError), transaction.atomic():
        Terms.objects.update(inviter_amount=1)


def test_each_currency_has_its_own_newest_version():
    set_terms(currency="JPY", inviter_amount=700)
    set_terms(currency="USD", inviter_amount=600)

    assert terms.current("USD").inviter_amount == 600
    assert terms.current("JPY").inviter_amount == 700
    assert terms.current("EUR") is None


def test_the_offer_costs_nothing_when_it_is_known():
    terms.current("USD")

    with counted() as asked:
        terms.current("USD")

    assert not asked.own


def test_a_campaign_that_pauses_or_ends_offers_nothing_at_once():
    campaign = Campaign.objects.get()
    assert terms.current("USD")

    campaign.paused_at = timezone.now()
    campaign.save()
    assert terms.current("USD") is None

    campaign.paused_at, campaign.ends_at = None, timezone.now()
    campaign.starts_at = timezone.now() - timezone.timedelta(days=1)
    campaign.save()
    assert terms.current("USD") is None


def test_there_is_one_default_campaign():
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.create(name="Other", is_default=True)


# The staff's pages


@pytest.fixture
def staff(client):
    user = User.objects.create_superuser("staff@example.com", "a good long password")
    client.force_login(user)
    return client


def test_staff_publish_a_version_with_the_ordinary_form(staff):
    page = staff.get(reverse("admin:referrals_terms_add"))
    data = page.context["adminform"].form.initial
    assert data["inviter_amount"] == "5.00"

    saved = staff.post(
        reverse("admin:referrals_terms_add"), {**data, "inviter_amount": "7.00"}
    )

    assert saved.status_code == 302
    assert Terms.objects.first().number == 2
    assert terms.current("USD").inviter_amount == 700


def test_staff_are_told_what_an_amount_looks_like(staff):
    data = (
        staff.get(reverse("admin:referrals_terms_add"))
        .context["adminform"]
        .form.initial
    )

    page = staff.post(
        reverse("admin:referrals_terms_add"), {**data, "friend_amount": "five"}
    )

    assert "Enter an amount such as 15.00." in page.content.decode()


MODELS = [
    "campaign",
    "terms",
    "referrallink",
    "code",
    "visitor",
    "visit",
    "linkday",
    "attribution",
    "claim",
    "reward",
    "settlement",
]


@pytest.mark.parametrize("model", MODELS)
def test_staff_lists_cost_the_same_for_one_row_and_for_many(staff, model):
    from referrals import attributions, clicks, settlement

    def fill():
        attribution = make_attribution()
        settlement.settle(make_order(attribution.invitee))
        visit = make_visit(link=make_link(attribution.inviter))
        attributions.attribute(attribution.invitee, visit.visitor)
        clicks.count(attribution.link, "previews")

    def cost():
        with counted() as asked:
            page = staff.get(reverse(f"admin:referrals_{model}_changelist"), {"q": "a"})
        assert page.status_code == 200
        return len(asked.own)

    fill()
    staff.get(reverse(f"admin:referrals_{model}_changelist"))
    few = cost()
    for _ in range(4):
        fill()

    assert cost() <= few
    cache.clear()


@pytest.mark.parametrize("model", [m for m in MODELS[2:] if m != "referrallink"])
def test_history_is_looked_at_and_not_edited(staff, model):
    assert staff.get(reverse(f"admin:referrals_{model}_add")).status_code == 403


@pytest.mark.parametrize("field", ["inviter_amount", "friend_amount"])
def test_an_offer_that_costs_more_than_the_order_brings_is_a_slip(admin_client, field):
    add = reverse("admin:referrals_terms_add")
    form = admin_client.get(add).context["adminform"].form.initial

    page = admin_client.post(add, form | {field: "500"})

    assert "more than the least order" in page.content.decode()
    assert Terms.objects.count() == 1


# That the sender gains is never left out, whichever way they gain


@pytest.fixture
def a_percentage():
    return set_terms(
        inviter_amount=0, inviter_basis_points=1000, inviter_most_amount=800
    )


@pytest.mark.usefixtures("a_percentage")
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/", "10 % of the goods (at most $8) lands in your balance"),
        ("/", "Your friend gets $5, you get 10 %"),
        ("/account/", "Give $5, get 10 %."),
        ("/account/invite/", "Give $5, get 10 %."),
        ("/account/invite/", "You get 10 % of the goods (at most $8) in your balance"),
        ("/account/invite/", "I get 10 % of the goods when you buy"),
        ("/account/invite/cards/", "Whoever gave you this gains too."),
        ("/invitation/rules/", "Give $5, get 10 %."),
    ],
)
def test_a_percentage_is_disclosed_on_every_page(client, address, words):
    member = make_member()
    client.force_login(member)
    cards.make_sheet(member)

    page = " ".join(client.get(address).content.decode().split())

    assert words in page
    assert "$0" not in page.replace("$0.00", "")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("friend_joined", "10 % of the goods (at most $8) is yours."),
        ("invitation", "Anna gets 10 % of the goods once you have bought."),
    ],
)
@pytest.mark.parametrize("form", ["txt", "html"])
def test_a_percentage_is_disclosed_in_every_mail(a_percentage, template, words, form):
    context = {"terms": a_percentage, "sender": "Anna", "last_day": timezone.now()}

    assert words in render_to_string(f"emails/{template}.{form}", context)


def test_an_offer_without_a_credit_promises_none(client):
    set_terms(inviter_amount=0)
    client.force_login(make_member())

    for address in ("/", "/account/invite/", "/invitation/rules/"):
        page = client.get(address).content.decode()
        assert "Give $5." in page
        assert ", get" not in page
