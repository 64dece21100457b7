"""Signals, their weights, the score, and when a person has to look."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Address
from orders.models import OrderAddress
from orders.tests.factories import ADDRESS
from referrals import doors, risk, signs
from referrals.circumstances import Circumstances
from referrals.models import Device, ReviewCase, RiskSignal
from referrals.tests.factories import (
    make_attribution,
    make_member,
    make_order,
    make_visit,
)

pytestmark = pytest.mark.django_db


def make_device(user, token="one", **fields) -> Device:
    return Device.objects.create(token_hash=f"{token:0>64}", user=user, **fields)


def send_to(order, **changes):
    OrderAddress.objects.create(order=order, **ADDRESS | changes)
    return order


def codes(attribution):
    return {each.code for each in attribution.signals.all()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 Main St.", "12 main street apt 0"),
        ("12 Main Street", "12 MAIN STREET #4"),
        ("5 N. Elm Ave", "5 North Elm Avenue, Unit 7"),
        ("Rosenstraße 3", "Rosenstr. 3"),
        ("Ünal Road 1", "Unal Rd 1"),
    ],
)
def test_two_ways_to_write_a_street_are_one_door(one, other):
    first, second = (Address(**ADDRESS | {"street": each}) for each in (one, other))

    assert doors.door_of(first) == doors.door_of(second)


CODES = [
    ("GB", "SW1A 1AA", "sw1a1aa"),
    ("US", "04101", "04101-1234"),
    ("NL", "1012 AB", "1012AB"),
    ("DE", "10115", "10115"),
]


@pytest.mark.parametrize(("country", "one", "other"), CODES)
def test_two_ways_to_write_a_postal_code_are_one_door(country, one, other):
    attribution = make_attribution()
    for person, code in ((attribution.inviter, one), (attribution.invitee, other)):
        order = send_to(make_order(person), country=country, postal_code=code)

    risk.assess(order, attribution)

    assert "same_address" in codes(attribution)


def test_another_postal_code_is_another_door():
    attribution = make_attribution()
    for code, person in [
        ("04101", attribution.inviter),
        ("04102", attribution.invitee),
    ]:
        order = send_to(make_order(person), postal_code=code)

    risk.assess(order, attribution)

    assert "same_address" not in codes(attribution)


def test_the_house_next_door_is_another_door():
    first, second = (
        Address(**ADDRESS | {"street": each}) for each in ("12 Main St", "14 Main St")
    )

    assert doors.door_of(first) != doors.door_of(second)


def test_a_street_without_letters_is_no_door():
    assert doors.door_of(Address(**ADDRESS | {"street": " # "})) == ""


def test_colleagues_with_other_browsers_are_not_flagged():
    attribution = make_attribution()
    make_device(
        attribution.inviter, "a", network="203.0.113.0/24", network_hash="n", agent="X"
    )
    make_device(
        attribution.invitee, "b", network="203.0.113.0/24", network_hash="n", agent="Y"
    )

    assert risk.assess(None, attribution) is None
    assert codes(attribution) == set()


def test_one_network_and_one_kind_of_browser_is_a_sign_and_no_case():
    attribution = make_attribution()
    for person, token in ((attribution.inviter, "a"), (attribution.invitee, "b")):
        make_device(person, token, network="x", network_hash="n", agent="Safari, iOS")

    assert risk.assess(None, attribution) is None
    assert codes(attribution) == {"same_network"}


def test_a_domain_nobody_knows_is_no_sign():
    assert signs.disposable_address(Circumstances(domain="unheard-of.example")) is None


@pytest.mark.parametrize("domain", ["mailinator.com", "in.mailinator.com"])
def test_a_throw_away_mailbox_is_a_sign_and_no_refusal(domain):
    signal = signs.disposable_address(Circumstances(domain=domain))

    assert 0 < signal.weight < risk.LOOKS_FROM


def test_a_shop_adds_domains_of_its_own(settings):
    settings.REFERRAL_DISPOSABLE_DOMAINS = ["Trash.example"]

    assert signs.disposable_address(Circumstances(domain="trash.example"))


@pytest.mark.parametrize(
    ("bought", "returned", "flagged"),
    [(3, 3, False), (4, 1, False), (4, 2, True), (8, 2, False), (8, 3, True)],
)
def test_more_than_a_quarter_of_four_or_more_orders_is_many(bought, returned, flagged):
    about = Circumstances(friends_orders=bought, friends_refunded=returned)

    assert bool(signs.many_refunds(about)) is flagged


@pytest.mark.parametrize(("seconds", "flagged"), [(19, True), (20, False)])
def test_paid_within_twenty_seconds_of_the_click_is_fast(seconds, flagged):
    assert bool(signs.too_fast(Circumstances(seconds_to_pay=seconds))) is flagged


@pytest.mark.parametrize(
    ("host", "flagged"),
    [
        ("www.groupon.com", True),
        ("de.groupon.com", True),
        ("notgroupon.com", False),
        ("", False),
    ],
)
def test_a_site_that_collects_codes_is_flagged(host, flagged):
    assert bool(signs.coupon_site(Circumstances(referrer_host=host))) is flagged


def test_an_advertised_link_counts_and_is_flagged():
    attribution = make_attribution()
    visit = make_visit(link=attribution.link)
    visit.medium = "CPC"
    visit.save()
    attribution.visit = visit
    attribution.save()

    assert risk.assess(None, attribution) is None
    assert codes(attribution) == {"paid_ad"}


def test_everybodys_mail_domain_is_no_crowd():
    about = Circumstances(domain="gmail.com", earlier_of_domain=50)

    assert signs.many_by_domain(about) is None


@pytest.mark.parametrize(
    ("domain", "flagged"),
    [("club.example", True), ("sub.club.example", False), ("EXAMPLE.com", False)],
)
def test_who_comes_from_one_domain_is_counted_unless_it_is_everybodys(domain, flagged):
    names = [
        "ann@club.example",
        "bo@CLUB.example",
        "cy@Club.Example",
        "di@club.example",
    ]
    for email in [*names, "ed@club.example", "flo@notclub.example"]:
        make_attribution(invitee=make_member(email, days_ago=1))
    newcomer = make_member(f"newcomer@{domain}", days_ago=1)
    attribution = make_attribution(invitee=newcomer)

    risk.assess(None, attribution)

    assert ("many_by_domain" in codes(attribution)) is flagged


def test_the_eleventh_friend_of_a_day_is_looked_at_and_the_ten_before_are_not():
    anna = make_member()
    friends = [make_attribution(anna) for _ in range(11)]

    cases = [risk.assess(None, friend) for friend in friends]

    assert cases[:10] == [None] * 10
    assert cases[10].state == ReviewCase.State.OPEN
    assert codes(friends[10]) == {"many_by_inviter"}


def test_friends_of_another_day_are_not_counted():
    anna = make_member()
    before = timezone.now() - timedelta(hours=25)
    for _ in range(10):
        make_attribution(anna, created_at=before)

    assert risk.assess(None, make_attribution(anna)) is None


def test_assessing_twice_writes_each_sign_once():
    attribution = make_attribution()
    for person in (attribution.inviter, attribution.invitee):
        make_device(person)

    risk.assess(None, attribution)
    make_device(attribution.inviter, "two")
    make_device(attribution.invitee, "two")
    case = risk.assess(None, attribution)

    assert RiskSignal.objects.count() == 1
    assert case.score == 60


def test_the_score_can_be_added_up_from_what_is_written_down():
    attribution = make_attribution()
    for person in (attribution.inviter, attribution.invitee):
        make_device(person, network="x", network_hash="n", agent="Safari, iOS")

    case = risk.assess(None, attribution)

    assert case.score == risk.score(attribution) == 80


def test_what_is_found_after_a_decision_does_not_undo_it():
    attribution = make_attribution()
    ReviewCase.objects.create(
        attribution=attribution, score=0, state="approved", decided_at=timezone.now()
    )
    for person in (attribution.inviter, attribution.invitee):
        make_device(person)

    case = risk.assess(None, attribution)

    assert (case.state, case.score) == ("approved", 60)


def test_the_evidence_names_nobody_and_no_place():
    attribution = make_attribution()
    for person in (attribution.inviter, attribution.invitee):
        make_device(person, network="192.0.2.0/24", network_hash="n" * 64, agent="X")
    send_to(make_order(attribution.inviter))

    risk.assess(send_to(make_order(attribution.invitee)), attribution)

    said = " ".join(attribution.signals.values_list("evidence", flat=True))
    assert codes(attribution) == {"same_device", "same_network", "same_address"}
    for secret in ("192.0.2", "Row", "Springfield", attribution.invitee.email):
        assert secret not in said


def test_a_shop_asks_its_own_questions(settings):
    settings.REFERRAL_SIGNALS = ["referrals.tests.test_risk.on_a_tuesday"]
    attribution = make_attribution()

    case = risk.assess(None, attribution)

    assert codes(attribution) == {"tuesday"}
    assert case.score == 70


def on_a_tuesday(about):
    return signs.Signal("tuesday", 70, "a day")
