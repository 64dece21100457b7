"""Nothing that names a person is left once their account is closed."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.utils import timezone

from accounts import privacy
from accounts.models import Address, User
from orders.tests.factories import make_cart
from referrals import codes, links, settlement
from referrals.models import (
    Claim,
    Device,
    Invitation,
    MemberChoices,
    NameCase,
    Notice,
    RiskSignal,
    SharedCart,
)
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
)
from shop.kit import guards, mail
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

WORD = "xyzzy"

# Where words about a person stand: whose rows, and the columns that hold such words.
# What else a row holds is drawn by lot, hashed, or one of the shop's own codes.
WORDS = {
    "accounts.User": ("pk", {"email", "name"}, {"password"}),
    "accounts.Address": (
        "user",
        {"name", "company", "street", "city", "district", "region", "postal_code"},
        {"country"},
    ),
    "account.EmailAddress": ("user", {"email"}, set()),
    "socialaccount.SocialAccount": ("user", {"uid"}, {"provider", "extra_data"}),
    "mfa.Authenticator": ("user", {"data"}, set()),
    "kit.Message": (
        "",
        {"recipient", "unsubscribe_url", "subject", "text", "html", "error"},
        {"kind", "subject_row", "reference", "message_id"},
    ),
    "admin.LogEntry": ("", {"object_repr", "change_message"}, {"object_id"}),
    "referrals.ReferralLink": ("owner", {"label", "path"}, {"disabled_reason"}),
    "referrals.Code": ("link__owner", {"text", "display"}, set()),
    "referrals.SharedCart": ("link__owner", {"note"}, {"token", "content_hash"}),
    "referrals.Claim": ("invitee", {"note"}, {"reason"}),
    "referrals.Invitation": ("sender", {"address", "note"}, {"address_hash"}),
    "referrals.MemberChoices": ("user", {"leaderboard_name"}, set()),
    "referrals.Notice": ("user", {"text"}, {"subject"}),
    "referrals.NameCase": ("person", {"name"}, {"name_hash"}),
    "referrals.Device": (
        "user",
        {"network", "agent", "network_hash", "token_hash"},
        set(),
    ),
    "referrals.RiskSignal": ("attribution__invitee", {"evidence"}, {"code"}),
}

# What stays, and why.
KEPT = {
    "the books, with the addresses that the law asks for": {
        *["accounts.LedgerAccount", "accounts.Transfer", "accounts.CreditLot"],
        *["accounts.Adjustment", "orders.Order", "orders.OrderLine"],
        *["orders.OrderAddress", "orders.OrderDiscount", "orders.OrderEvent"],
        *["orders.Payment", "orders.StripeEvent", "orders.Refund", "orders.Dispute"],
        *["referrals.Reward", "referrals.MilestoneReward", "referrals.Settlement"],
    },
    "what staff decided, in their words": {
        *["referrals.ReviewDecision", "referrals.NameDecision", "referrals.Block"],
        *["referrals.GrantWord", "referrals.ReleasePause"],
    },
    "nobody's any more, and forgotten by age": {
        *["referrals.Visitor", "referrals.Visit", "referrals.Activity"],
        *["referrals.NameReport", "sessions.Session", "orders.Cart"],
        *["django_tasks_database.DBTaskResult", "account.EmailConfirmation"],
        "socialaccount.SocialToken",
    },
    "hashes, or one of a few words of the shop's own": {
        *["referrals.FormerCustomer", "referrals.Suppression"],
        *["referrals.Attribution"],
    },
    "nothing about a person": {
        *["kit.Schedule", "kit.BookProof", "catalog.Category", "catalog.Product"],
        *["catalog.Option", "catalog.OptionValue", "catalog.Variant"],
        *["catalog.ProductImage", "catalog.StockMovement", "orders.ShippingZone"],
        *["orders.ShippingMethod", "referrals.Campaign", "referrals.Budget"],
        *["referrals.Terms", "referrals.FunnelDay", "referrals.CampaignDay"],
        *["auth.Permission", "auth.Group", "contenttypes.ContentType"],
        "socialaccount.SocialApp",
    },
}


def columns_of(model):
    """The columns that may hold any words."""
    return {
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField | models.JSONField)
        and not field.choices
    }


def with_words():
    return {each._meta.label: each for each in apps.get_models() if columns_of(each)}


def test_every_column_of_words_is_thought_of():
    kept = set().union(*KEPT.values())

    assert set(with_words()) == set(WORDS) | kept
    assert not set(WORDS) & kept
    for label, (_, told, drawn) in WORDS.items():
        assert columns_of(apps.get_model(label)) == told | drawn, label


@pytest.fixture
def person(client):
    """Somebody who has left a word in every place there is."""
    now = timezone.now()
    anna = make_member("anna@example.com", name="Anna Berg")
    friendship = make_attribution(make_member(days_ago=200), anna)
    settlement.settle(make_order(anna))
    make_cart(anna, {})
    make_visit(make_visitor(user=anna))
    Address.objects.create(user=anna, name="Anna", street="Elm 1", country="DE")
    SocialAccount.objects.create(user=anna, provider="google", uid="1")
    Authenticator.objects.create(user=anna, type="webauthn", data={"name": "Phone"})
    link = make_link(anna)
    codes.choose(links.add(anna, "Flyer"), "LUNA-MOON")
    SharedCart.objects.create(link=link, token="t" * 22, content_hash="f" * 64)
    Claim.objects.create(
        invitee=anna, link=link, won=False, reason="first_touch", touched_at=now
    )
    Invitation.objects.create(
        sender=anna, campaign=link.campaign, link=link, address_hash="f" * 64
    )
    MemberChoices.objects.create(user=anna)
    Notice.objects.create(user=anna, kind="joined", subject="attribution:1", text="x")
    NameCase.objects.create(person=anna, kind="own", name="Anna", name_hash="f" * 64)
    Device.objects.create(token_hash="f" * 64, user=anna)
    for code in ("same_network", "disposable_address"):
        RiskSignal.objects.create(
            attribution=friendship, code=code, weight=20, evidence=f"domain {code}"
        )
    LogEntry.objects.create(
        user=make_member(is_staff=True),
        content_type=ContentType.objects.get_for_model(User),
        object_id=anna.pk,
        object_repr="Anna",
        action_flag=2,
    )
    context = {"terms": friendship.terms, "last_day": now}
    to = {"order": anna.orders.get().code, "friend": f"attribution:{friendship.pk}"}
    mail.write("a", "a:1", anna.email, "friend_joined", context)
    mail.write(
        "b", "b:1", "x@example.com", "friend_joined", context, reference=to["order"]
    )
    mail.write("friend_joined", to["friend"], "i@example.com", "friend_joined", context)
    Message.objects.update(state=Message.State.SENT, sent_at=now)
    return anna


def plant(person):
    """The word in every column, past every guard; each row's is its own."""
    for label, (owner, columns, _) in WORDS.items():
        model = apps.get_model(label)
        rows = model.objects.filter(**{owner: person.pk}) if owner else model.objects
        keys = list(rows.values_list("pk", flat=True))
        assert keys, f"nobody left a row of {label}"
        for number, pk in enumerate(keys):
            planted = {}
            for name in columns:
                longest = model._meta.get_field(name).max_length
                planted[name] = f"{WORD}{number}"[:longest]
            for name in {"email", "recipient", "address"} & columns:
                planted[name] = f"{WORD}{'' if label != 'kit.Message' else number}@e.io"
            if "path" in planted:
                planted["path"] = f"/{WORD}"
            model.objects.filter(pk=pk).update(**planted)
    # One of the mails was to them, one about their order, one named them to somebody.
    Message.objects.filter(kind="a").update(recipient=f"{WORD}@e.io")
    LogEntry.objects.update(object_repr=f"{WORD}@e.io", change_message=f"{WORD}@e.io")
    EmailAddress.objects.filter(user=person).update(email=f"{WORD}@e.io")


def where_it_stands():
    """Every column of the whole database that has the word."""
    found = set()
    with connection.cursor() as cursor:
        for label, model in with_words().items():
            for name in columns_of(model):
                column = model._meta.get_field(name).column
                cursor.execute(
                    f'SELECT count(*) FROM "{model._meta.db_table}" '  # noqa: S608
                    f'WHERE lower(CAST("{column}" AS text)) LIKE %s',
                    [f"%{WORD}%"],
                )
                if cursor.fetchone()[0]:
                    found.add(f"{label}.{name}")
    return found


def test_no_word_of_theirs_is_left_anywhere(person):
    with guards.lifted():
        plant(person)
    planted = {
        f"{label}.{name}" for label, (_, names, _) in WORDS.items() for name in names
    }
    assert where_it_stands() >= planted

    privacy.close(person, gives_up={})

    assert where_it_stands() == set()
