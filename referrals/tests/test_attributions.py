import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import mailboxes
from accounts.models import User
from accounts.tests import software_key
from orders.models import Order
from referrals import attributions, candidates
from referrals.models import (
    Attribution,
    Campaign,
    Claim,
    Invitation,
    OrderTouch,
    ReferralLink,
)
from referrals.tests.factories import (
    PASSWORD,
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
    set_terms,
)

pytestmark = pytest.mark.django_db

Status = Attribution.Status


@pytest.fixture
def anna():
    return make_member("anna@example.com", name="Anna Lind")


@pytest.fixture
def link(anna):
    return make_link(anna, text="A01B2C3D")


def sign_up(client, email="ben@example.com", **fields):
    """Through allauth's own form, as a browser would post it."""
    client.get("/accounts/signup/")
    return client.post(
        "/accounts/signup/",
        {"email": email, "password1": PASSWORD, "name": "Ben Karlsen", **fields},
    )


def type_code(client, mailoutbox):
    code = re.search(r"\b\d{6}\b", mailoutbox[-1].body).group()
    return client.post("/accounts/confirm-email/", {"code": code})


def social_sign_up(client, *, email="ben@example.com", verified=True, uid=7):
    """A round trip to allauth's dummy provider, which stands in for Google's."""
    response = client.post("/accounts/dummy/login/")
    return client.post(
        response["Location"],
        {"id": uid, "email": email, "email_verified": "on" if verified else ""},
    )


# R-T7, R-T8: the ways to join


def test_the_attribution_is_there_when_the_form_is_answered(client, link, anna):
    client.get("/r/A01B2C3D/")

    response = sign_up(client)

    assert response.status_code == 302
    attribution = Attribution.objects.get()
    assert attribution.invitee.email == "ben@example.com"
    assert (attribution.inviter, attribution.link) == (anna, link)
    assert attribution.status == Status.PROVISIONAL
    assert attribution.terms.number == 1
    assert attribution.touched_at == link.visits.get().first_at
    claim = Claim.objects.get()
    assert (claim.won, claim.reason) == (True, "first_touch")


def test_the_code_from_the_mail_makes_it_count(client, link, mailoutbox):
    client.get("/r/A01B2C3D/")
    sign_up(client)

    type_code(client, mailoutbox)

    assert Attribution.objects.get().status == Status.ACTIVE
    assert client.session.get("_auth_user_id")


def test_a_code_on_any_page_is_as_good_as_a_link(client, link):
    client.get("/search/?q=lamp&r=A01B2C3D")

    sign_up(client)

    assert Attribution.objects.get().link == link


def test_social_sign_up_is_attributed_and_counts_at_once(client, link):
    client.get("/r/A01B2C3D/")

    social_sign_up(client)

    attribution = Attribution.objects.get()
    assert attribution.invitee.email == "ben@example.com"
    assert attribution.status == Status.ACTIVE


def test_social_sign_up_with_an_unproven_address_is_provisional(client, link):
    client.get("/r/A01B2C3D/")

    social_sign_up(client, verified=False)

    assert Attribution.objects.get().status == Status.PROVISIONAL


def test_sign_up_by_passkey_is_attributed_and_counts_with_the_code(
    client, link, anna, mailoutbox
):
    client.get("/r/A01B2C3D/")

    software_key.sign_up_form(client, "ben@example.com")
    before = Attribution.objects.get()
    software_key.type_code(client, mailoutbox)
    proven = Attribution.objects.get()
    software_key.make_passkey(client, software_key.SoftwareKey())

    assert (before.inviter, before.status) == (anna, Status.PROVISIONAL)
    assert (proven.inviter, proven.status) == (anna, Status.ACTIVE)
    assert get_user(client) == proven.invitee


def test_a_code_typed_where_one_signs_up_by_passkey_beats_a_link(client, link, anna):
    make_link(text="SECXND22")
    client.get("/r/SECXND22/")

    software_key.sign_up_form(client, "ben@example.com", invitation_code="a01b 2c3d")

    assert Attribution.objects.get().inviter == anna
    assert Attribution.objects.get().method == Attribution.Method.TYPED


def test_signing_up_without_a_link_attributes_nothing(client, link):
    sign_up(client)

    assert not Attribution.objects.exists()


def test_logout_and_another_account_in_between_change_nothing(client, link):
    client.get("/r/A01B2C3D/")
    other = make_member()
    client.post("/accounts/login/", {"login": other.email, "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(other.pk)
    client.get("/")
    client.post("/accounts/logout/")

    sign_up(client)

    assert Attribution.objects.get().invitee.email == "ben@example.com"


def test_an_account_on_top_of_another_changes_nothing(client, link):
    client.get("/r/A01B2C3D/")
    client.force_login(make_member())
    client.force_login(make_member())
    client.post("/accounts/logout/")

    social_sign_up(client)

    assert Attribution.objects.get().link == link


def test_twelve_pages_lie_between_the_link_and_the_account(client, link):
    client.get("/r/A01B2C3D/")
    for address in ["/", "/search/?q=lamp", "/cart/", "/new/"] * 3:
        client.get(address)

    sign_up(client)

    assert Attribution.objects.get().link == link


def test_verification_is_finished_on_another_device(
    client, link, mailoutbox, time_machine
):
    client.get("/r/A01B2C3D/")
    sign_up(client)
    laptop = Client()
    # allauth writes to one address once in three minutes.
    time_machine.move_to(timezone.now() + timedelta(minutes=4))

    laptop.post("/accounts/login/", {"login": "ben@example.com", "password": PASSWORD})
    type_code(laptop, mailoutbox)

    assert laptop.session.get("_auth_user_id")
    assert Attribution.objects.get().status == Status.ACTIVE


def test_a_login_alone_proves_no_address(client, link):
    client.get("/r/A01B2C3D/")
    sign_up(client)

    Client().post(
        "/accounts/login/", {"login": "ben@example.com", "password": PASSWORD}
    )

    assert Attribution.objects.get().status == Status.PROVISIONAL


# The address of somebody else: who proves it is not who typed it in


def ask_for_reset(client, mailoutbox, email="ben@example.com"):
    """Ask for a new password, and type the code that the mail has."""
    client.post("/accounts/password/reset/", {"email": email})
    code = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", mailoutbox[-1].body).group()
    return client.post("/accounts/password/reset/confirm/", {"code": code})


def test_whoever_resets_a_password_before_verifying_came_by_nobodys_link(
    client, link, mailoutbox
):
    client.get("/r/A01B2C3D/")
    sign_up(client)
    ben = Client()

    ask_for_reset(ben, mailoutbox)
    new = {"password1": "three bicycles for six", "password2": "three bicycles for six"}
    ben.post("/accounts/password/reset/complete/", new)

    assert ben.session.get("_auth_user_id")
    attribution = Attribution.objects.get()
    assert attribution.status == Status.VOID
    assert attribution.void_reason == "proven_by_another"
    assert Claim.objects.filter(won=False, reason="proven_by_another").exists()
    assert ben.get("/account/").status_code == 200


def test_a_reset_that_was_begun_does_not_help_whoever_knows_the_first_password(
    client, link, mailoutbox
):
    client.get("/r/A01B2C3D/")
    sign_up(client)
    ask_for_reset(Client(), mailoutbox)

    attacker = Client()
    attacker.post(
        "/accounts/login/", {"login": "ben@example.com", "password": PASSWORD}
    )

    assert attacker.session.get("_auth_user_id")
    assert Attribution.objects.get().void_reason == "proven_by_another"


def test_a_reset_after_the_address_was_proven_changes_nothing(client, link, mailoutbox):
    client.get("/r/A01B2C3D/")
    sign_up(client)
    type_code(client, mailoutbox)

    ask_for_reset(Client(), mailoutbox)

    assert Attribution.objects.get().status == Status.ACTIVE


def test_an_address_that_staff_verified_does_not_make_it_count(client, link):
    client.get("/r/A01B2C3D/")
    sign_up(client)
    EmailAddress.objects.filter(email="ben@example.com").update(verified=True)

    client.post("/accounts/login/", {"login": "ben@example.com", "password": PASSWORD})

    assert Attribution.objects.get().status == Status.PROVISIONAL


# Who is never attributed


def test_an_old_customer_who_opens_a_link_is_not_attributed(client, link):
    customer = make_member()
    client.get("/r/A01B2C3D/")

    client.post("/accounts/login/", {"login": customer.email, "password": PASSWORD})

    assert not Attribution.objects.exists()


def test_signing_up_with_a_taken_address_attributes_nothing(client, link):
    make_member("ben@example.com")
    client.get("/r/A01B2C3D/")

    taken = sign_up(client)
    other = Client()
    other.get("/r/A01B2C3D/")
    free = sign_up(other, "new@example.com")

    assert taken["Location"] == free["Location"]
    assert not Attribution.objects.filter(invitee__email="ben@example.com").exists()


@pytest.mark.parametrize("cookie", ["A01B2C3D", "1", "x" * 22, "A01B2C3D:key", ""])
def test_a_forged_cookie_attributes_nothing(client, link, cookie):
    client.cookies[settings.REFERRAL_COOKIE] = cookie

    response = sign_up(client)

    assert response.status_code == 302
    assert not Attribution.objects.exists()


def test_a_trap_that_caught_something_attributes_nothing(client, link):
    client.get("/r/A01B2C3D/")

    sign_up(client, website="https://spam.example")

    assert not User.objects.filter(email="ben@example.com").exists()
    assert not Attribution.objects.exists()


def test_a_paused_campaign_lets_people_in_and_attributes_nobody(client, link):
    client.get("/r/A01B2C3D/")
    Campaign.objects.update(paused_at=timezone.now())

    client.get("/r/A01B2C3D/")
    sign_up(client)

    assert not Attribution.objects.exists()
    assert Claim.objects.get().reason == "campaign_paused"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"disabled_at": datetime(2025, 1, 1, tzinfo=ZoneInfo("UTC"))},
            "link_disabled",
        ),
        ({"owner__is_active": False}, "inviter_gone"),
        (
            {"campaign__ends_at": timezone.now() + timedelta(seconds=-1)},
            "campaign_over",
        ),
    ],
)
def test_a_link_that_died_after_the_click_wins_nothing(client, link, change, reason):
    client.get("/r/A01B2C3D/")
    past = timezone.now() - timedelta(days=9)
    Campaign.objects.update(starts_at=past)
    for path, value in change.items():
        *where, field = path.split("__")
        row = getattr(link, where[0]) if where else link
        type(row).objects.filter(pk=row.pk).update(**{field: value})

    sign_up(client)

    assert not Attribution.objects.exists()
    assert (Claim.objects.get().won, Claim.objects.get().reason) == (False, reason)


def test_a_failure_of_ours_costs_nobody_their_account(client, link, caplog):
    client.get("/r/A01B2C3D/")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE referrals_claim RENAME TO referrals_claim_away")

    response = sign_up(client)

    assert response.status_code == 302
    assert User.objects.filter(email="ben@example.com").exists()
    assert not Attribution.objects.exists()
    assert "attribute failed" in caplog.text


# R-A4: one inviter for ever, the first


def test_the_first_link_wins_and_the_second_is_kept_as_a_loser(client, link):
    second = make_link(text="SECXND22")
    client.get("/r/A01B2C3D/")
    client.get("/r/SECXND22/")
    client.get("/r/SECXND22/")

    sign_up(client)

    assert Attribution.objects.get().link == link
    assert set(Claim.objects.values_list("link", "won", "reason")) == {
        (link.pk, True, "first_touch"),
        (second.pk, False, "later_touch"),
    }


def test_a_touch_after_the_form_was_opened_does_not_take_over(client, link):
    make_link(text="SECXND22")
    client.get("/r/A01B2C3D/")
    client.get("/accounts/signup/")
    client.get("/?r=SECXND22")

    sign_up(client)

    assert Attribution.objects.get().link == link


def test_a_second_claim_on_the_same_person_is_refused_and_noted():
    friend = make_attribution().invitee
    visit = make_visit(days_ago=3)
    visit.visitor.refresh_from_db()

    assert attributions.attribute(friend, visit.visitor) is None

    assert Attribution.objects.filter(invitee=friend).count() == 1
    claim = Claim.objects.get(invitee=friend)
    assert (claim.link, claim.won) == (visit.link, False)
    assert claim.reason == "already_invited"


def test_the_database_refuses_a_second_inviter_and_a_change_of_the_first():
    attribution = make_attribution()

    with pytest.raises(IntegrityError), transaction.atomic():
        make_attribution(invitee=attribution.invitee)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attribution.objects.filter(pk=attribution.pk).update(inviter=make_member())


def test_a_touch_that_grew_too_old_makes_way_for_the_next(client):
    visitor = make_visitor(client)
    make_visit(visitor, days_ago=32)
    later = make_visit(visitor, days_ago=5)

    sign_up(client)

    assert Attribution.objects.get().link == later.link
    assert Claim.objects.get(won=False).reason == "too_long_ago"


def test_a_link_opened_again_after_its_touch_grew_too_old_counts_anew(client, link):
    visitor = make_visitor(client)
    make_visit(visitor, link, days_ago=40)
    again = make_visit(visitor, link, days_ago=5)

    sign_up(client)

    assert Attribution.objects.get().touched_at == again.first_at


@pytest.mark.parametrize(
    ("now", "counts"), [("2036-03-31 23:59", True), ("2036-04-01 00:00", False)]
)
def test_the_window_ends_at_midnight_of_the_shops_clock(
    client, link, time_machine, settings, now, counts
):
    # Between the two, Berlin puts its clocks forward.
    settings.TIME_ZONE = "Europe/Berlin"
    zone = ZoneInfo("Europe/Berlin")
    visitor = make_visitor(client)
    make_visit(visitor, link, at=datetime(2036, 3, 1, 9, tzinfo=zone))
    time_machine.move_to(datetime.fromisoformat(now).replace(tzinfo=zone), tick=False)

    assert bool(candidates.standing(visitor)) is counts


# R-A6: oneself


@pytest.mark.parametrize(
    ("hers", "his"),
    [
        ("anna@example.com", "ANNA+shop@Example.com"),
        ("anna+a@example.com", "anna+b@example.com"),
        ("annalind@gmail.com", "anna.lind+x@googlemail.com"),
        ("a.n.n.a@googlemail.com", "Anna@GMAIL.com"),
    ],
)
def test_another_spelling_of_the_inviters_address_does_not_count(
    client, mailoutbox, hers, his
):
    make_link(make_member(hers), text="A01B2C3D")
    client.get("/r/A01B2C3D/")

    sign_up(client, his)
    assert Attribution.objects.get().status == Status.PROVISIONAL
    type_code(client, mailoutbox)

    attribution = Attribution.objects.get()
    assert (attribution.status, attribution.void_reason) == (Status.VOID, "same_email")
    assert client.session.get("_auth_user_id")


def test_every_address_of_the_inviter_is_compared(client, link, anna, mailoutbox):
    EmailAddress.objects.create(user=anna, email="lind@work.example", verified=True)
    client.get("/r/A01B2C3D/")

    sign_up(client, "lind+1@work.example")
    type_code(client, mailoutbox)

    assert Attribution.objects.get().status == Status.VOID


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.b@example.com", "ab@example.com"),
        ("anna@example.com", "anna@example.org"),
        ("anna@gmail.com", "anne@gmail.com"),
    ],
)
def test_different_mailboxes_are_different(one, other):
    assert mailboxes.canonical(one) != mailboxes.canonical(other)


def test_ones_own_link_wins_nothing(anna, link):
    visit = make_visit(link=link)

    assert attributions.attribute(anna, visit.visitor) is None

    assert not Attribution.objects.exists()
    assert Claim.objects.get().reason == "own_link"


# R-A7: circles. The database refuses them, whoever writes.


def attribute_by_sql(invitee, inviter):
    """A row as nothing but the constraints would judge it."""
    link = make_link(inviter)
    return Attribution.objects.bulk_create(
        [
            Attribution(
                invitee=invitee,
                inviter=inviter,
                link=link,
                terms=link.campaign.terms.first(),
                touched_at=min(invitee.date_joined, timezone.now()),
                inviter_joined_at=inviter.date_joined,
                invitee_joined_at=invitee.date_joined,
            )
        ]
    )


@pytest.mark.parametrize("length", [1, 2, 3])
def test_no_circle_of_any_length_can_close(length):
    people = [make_member(days_ago=100 - number) for number in range(length)]
    for inviter, invitee in zip(people, people[1:], strict=False):
        attribute_by_sql(invitee, inviter)

    with pytest.raises(IntegrityError), transaction.atomic():
        attribute_by_sql(people[0], people[-1])


def test_people_who_joined_at_the_same_moment_cannot_invite_each_other():
    now = timezone.now()
    one, other = make_member(date_joined=now), make_member(date_joined=now)

    with pytest.raises(IntegrityError), transaction.atomic():
        attribute_by_sql(one, other)


def test_a_newcomers_link_cannot_bring_an_older_member():
    old = make_member(days_ago=100)
    visit = make_visit(link=make_link(make_member(days_ago=9)), days_ago=2)

    assert attributions.attribute(old, visit.visitor) is None

    assert Claim.objects.get().reason == "joined_before_inviter"


# Terms are those of the day one joined


def test_new_terms_do_not_change_who_joined_before(client, link):
    client.get("/r/A01B2C3D/")
    sign_up(client)

    set_terms(inviter_amount=300, friend_amount=200)

    assert Attribution.objects.get().terms.inviter_amount == 500


def test_the_newest_terms_hold_for_who_joins_now(client, link):
    client.get("/r/A01B2C3D/")
    set_terms(friend_amount=200)

    sign_up(client)

    assert Attribution.objects.get().terms.friend_amount == 200


def test_an_attribution_moves_only_along_its_arrows():
    attribution = make_attribution(status=Status.ACTIVE)

    with pytest.raises(IntegrityError), transaction.atomic():
        Attribution.objects.update(status=Status.PROVISIONAL)

    Attribution.objects.filter(pk=attribution.pk).update(status=Status.VOID)


def test_an_order_of_a_friend_needs_no_link_that_still_works(link):
    attribution = make_attribution(link.owner)
    ReferralLink.objects.update(disabled_at=timezone.now())

    order = make_order(attribution.invitee)

    assert order.user.attribution == attribution


# A guest whom somebody sent, and who takes an account later


@pytest.fixture
def guest_order(link):
    """Ben came by the link five days ago and bought as a guest four days ago."""
    now = timezone.now()
    order = make_order(None, goods=5000, placed_at=now - timedelta(days=4))
    Order.objects.filter(pk=order.pk).update(email="ben@example.com")
    OrderTouch.objects.create(
        order=order,
        visitor=make_visitor(),
        link=link,
        touched_at=now - timedelta(days=5),
    )
    return order


def join(*, code="", visitor=None):
    ben = make_member("ben@example.com", date_joined=timezone.now())
    attributions.attribute(ben, visitor, code=code)
    return attributions.activate(ben)


def test_a_guest_who_types_the_inviters_code_as_well_is_no_old_customer(
    link, guest_order
):
    attribution = join(code=link.codes.first().text)

    assert (attribution.method, attribution.status) == ("typed", Status.ACTIVE)


def test_a_guest_who_is_invited_by_mail_as_well_is_no_old_customer(link, guest_order):
    Invitation.objects.create(
        sender=link.owner,
        campaign=link.campaign,
        link=link,
        address_hash=mailboxes.hash_of("ben@example.com"),
        sent_at=timezone.now() - timedelta(days=1),
    )

    attribution = join()

    assert (attribution.method, attribution.status) == ("invitation", Status.ACTIVE)


def test_a_guest_who_clicks_again_where_the_last_touch_counts_is_no_old_customer(
    link, guest_order
):
    set_terms(touch="last")
    visitor = make_visitor()
    make_visit(visitor, link)

    attribution = join(visitor=visitor)

    assert (attribution.method, attribution.status) == ("cookie", Status.ACTIVE)


def test_a_guest_whom_somebody_else_sent_is_an_old_customer_for_the_next(guest_order):
    attribution = join(code=make_link(text="CARA2222").codes.last().text)

    assert (attribution.status, attribution.void_reason) == (
        Status.VOID,
        "existing_customer",
    )
