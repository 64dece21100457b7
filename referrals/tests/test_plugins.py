"""A shop's own parts in the place of ours: found, held to their contract, survived."""

from dataclasses import replace
from itertools import count

import pytest
from django.core.checks import run_checks

from referrals import (
    circumstances,
    clicks,
    codes,
    eligibility,
    links,
    risk,
    rules,
    signs,
)
from referrals.facts import read
from referrals.models import Attribution, Claim, LinkDay, Visit
from referrals.rules import Grant, Refusal
from referrals.testing import contracts
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
)
from referrals.tests.people import sign_up

pytestmark = pytest.mark.django_db

HERE = __name__

_numbers = count(1000)


def numbered(link):
    return f"TEAM-{next(_numbers)}"


def untypable(link):
    return "päärynä!"


def always_taken(link):
    return "TAKEN-1"


def by_name(link):
    return link.owner.first_name.upper() + str(next(_numbers))


def breaks(*args):
    raise RuntimeError("this plug-in is broken")


def everybody(request):
    return True


def nobody_on_monday(candidate, user):
    return "it_is_monday"


def writes(candidate, user):
    Claim.objects.create(
        invitee=user,
        link=candidate.link,
        method=candidate.method,
        touched_at=candidate.touched_at,
        reason="looked_at",
        won=False,
    )
    return ""


def always_alarmed(about):
    return signs.Signal("always", 10, "nothing in particular")


def wavering(about):
    return signs.Signal("wavering", next(_numbers), "")


not_callable = "a string"


# Found at start


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REFERRAL_RULE", "referrals.rules.standrad", "standrad"),
        ("REFERRAL_CODE_GENERATOR", "nowhere.at_all", "nowhere"),
        ("REFERRAL_BOT_DETECTOR", f"{HERE}.not_callable", "cannot be called"),
        ("REFERRAL_ELIGIBILITY", [f"{HERE}.missing"], "missing"),
        ("REFERRAL_SIGNALS", ["referrals.signs.same_device", "x"], "x"),
    ],
)
def test_a_path_that_leads_nowhere_is_named_at_start(settings, name, value, said):
    setattr(settings, name, value)

    (error,) = [each for each in run_checks() if each.id == "referrals.E001"]

    assert error.msg.startswith(name)
    assert said in error.msg


def test_what_we_ship_is_found():
    assert [each for each in run_checks() if each.id == "referrals.E001"] == []


# Asked


def test_codes_come_from_the_generator(settings):
    settings.REFERRAL_CODE_GENERATOR = f"{HERE}.numbered"

    link = links.default_link(make_member())

    assert link.shown.startswith("TEAM-")
    assert links.resolve(link.shown.lower()) == link


@pytest.mark.parametrize("plugin", ["untypable", "always_taken", "breaks"])
def test_a_generator_that_fails_is_replaced_by_lot(settings, plugin):
    settings.REFERRAL_CODE_GENERATOR = f"{HERE}.{plugin}"
    links.default_link(make_member())

    link = links.default_link(make_member())

    assert len(link.code) == codes.LENGTH
    assert links.resolve(link.code) == link


def test_the_detector_says_who_is_a_machine(client, settings):
    settings.REFERRAL_BOT_DETECTOR = f"{HERE}.everybody"
    make_link(text="A01B2C3D")

    assert client.get("/r/A01B2C3D/").status_code == 200
    assert not Visit.objects.exists()
    assert LinkDay.objects.get().previews == 1


def test_a_detector_that_breaks_costs_no_click(client, settings):
    settings.REFERRAL_BOT_DETECTOR = f"{HERE}.breaks"
    make_link(text="A01B2C3D")

    assert client.get("/r/A01B2C3D/").status_code == 302
    assert Visit.objects.exists()


def test_a_rule_of_the_shop_speaks_against_a_link(client, settings):
    settings.REFERRAL_ELIGIBILITY = [f"{HERE}.nobody_on_monday"]
    make_link(text="A01B2C3D")

    client.get("/r/A01B2C3D/")
    sign_up(client)

    assert not Attribution.objects.exists()
    assert Claim.objects.get().reason == "it_is_monday"


def test_a_rule_that_breaks_speaks_against_nobody(client, settings):
    settings.REFERRAL_ELIGIBILITY = [f"{HERE}.breaks"]
    make_link(text="A01B2C3D")

    client.get("/r/A01B2C3D/")
    sign_up(client)

    assert Attribution.objects.exists()


def test_a_sign_of_the_shop_is_written_down(settings):
    settings.REFERRAL_SIGNALS = [f"{HERE}.always_alarmed"]
    attribution = make_attribution()

    risk.assess(None, attribution)

    assert attribution.signals.get().code == "always"


# Held to the contract


def test_ours_keep_to_the_contracts():
    contracts.check_code_generator(codes.by_lot)
    contracts.check_bot_detector(clicks.is_machine)
    contracts.check_eligibility(eligibility.of_link)


@pytest.mark.parametrize("change", [{}, {"is_confirmed": False}, {"place": 1}])
def test_our_rule_keeps_to_its_own(facts, change):
    contracts.check_rule(rules.standard, replace(facts, **change))


def test_our_signs_keep_to_theirs(settings):
    about = circumstances.read(None, make_attribution())

    for path in settings.REFERRAL_SIGNALS:
        contracts.check_signal(getattr(signs, path.rpartition(".")[2]), about)


@pytest.mark.parametrize("plugin", [untypable, always_taken, by_name])
def test_bad_generators_do_not(plugin):
    with pytest.raises(AssertionError):
        contracts.check_code_generator(plugin)


def test_bad_detectors_do_not():
    with pytest.raises(AssertionError):
        contracts.check_bot_detector(everybody)


def test_bad_rules_about_people_do_not():
    with pytest.raises(AssertionError):
        contracts.check_eligibility(writes)


def test_bad_signs_do_not():
    about = circumstances.read(None, make_attribution())

    with pytest.raises(AssertionError):
        contracts.check_signal(wavering, about)


@pytest.fixture
def facts():
    """As they are read of an order that a friend has paid."""
    attribution = make_attribution()
    order = make_order(attribution.invitee)
    return read(order, attribution, attribution.terms, exclusions=[], rewards=[])


def test_rules_that_waver_do_not(facts):
    said = iter([Grant(500), Refusal("not_today")])

    with pytest.raises(AssertionError):
        contracts.check_rule(lambda facts: next(said), facts)


def test_a_rule_that_can_be_settled_does(facts):
    contracts.check_rule(lambda facts: Grant(500), facts)
    contracts.check_rule(lambda facts: Refusal("not_today"), facts)
