"""What every plug-in must keep to: call the one for yours in a test of your own.

    @pytest.mark.django_db
    def test_our_codes_keep_to_the_contract():
        contracts.check_code_generator(our_codes.four_words)

They raise AssertionError, or whatever the plug-in raises; the first three, and the
one for arrivals, need a database.
"""

from collections.abc import Callable
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone

from orders.models import Order
from referrals import candidates, codes, rules
from referrals.circumstances import Circumstances
from referrals.facts import Facts
from referrals.models import Claim, ReferralLink
from referrals.tests.factories import make_link, make_member, make_visit

PERSON = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Instagram 300.0.0"


def check_code_generator(generator: Callable[[ReferralLink], str]) -> None:
    """Codes that can be typed, new each time, and that name nobody."""
    link = make_link(make_member("annabella@example.com", name="Annabella Berg"))
    drawn = [generator(link) for _ in range(20)]

    for text in drawn:
        assert isinstance(text, str)
        assert codes.normalise(text), f"{text!r} cannot be typed"
    read = [codes.normalise(text) for text in drawn]
    assert len(set(read)) > 1, "A code that is taken has to be followed by another."
    name = codes.normalise("annabella")
    assert not any(name in text for text in read), "A code tells who its owner is."


def check_bot_detector(detector: Callable[..., bool]) -> None:
    """Answers every request, however odd, and knows what everybody knows."""

    def asked(agent):
        request = RequestFactory().get("/r/A01B2C3D/", headers={"User-Agent": agent})
        request.user = AnonymousUser()
        return detector(request)

    assert asked("Slackbot-LinkExpanding 1.0"), "Slack opens every link it is sent."
    assert not asked(PERSON), "People open links in Instagram, too."
    for odd in ("", "x" * 100_000, "\udcff", "😀"):
        assert asked(odd) in (True, False)


def check_eligibility(rule: Callable[..., str]) -> None:
    """A short reason or nothing, the same when asked twice, and nothing written."""
    visit = make_visit()
    user = make_member(days_ago=0)
    (candidate, *_) = candidates.of_browser(visit.visitor)
    before = Claim.objects.count()

    said = rule(candidate, user)

    assert isinstance(said, str)
    assert len(said) <= Claim._meta.get_field("reason").max_length
    assert rule(candidate, user) == said, "It answers otherwise the second time."
    assert Claim.objects.count() == before, "It writes; it is only asked."


def check_signal(signal: Callable, about: Circumstances) -> None:
    """One named thing or None, the same when asked twice, and nobody in its words."""
    said = signal(about)

    assert signal(about) == said, "It answers otherwise the second time."
    if said is not None:
        assert said.code.isidentifier(), f"{said.code!r} is no name of a sign"
        assert said.weight > 0


def check_rule(rule: rules.Rule, facts: Facts) -> None:
    """A grant or a refusal that can be settled, the same when asked twice."""
    said = rule(facts)

    assert rule(facts) == said, "It answers otherwise the second time."
    rules.desired(facts, rule)


def check_delivered_at(plugin: Callable[[Order], datetime | None], order: Order):
    """Nothing, or a moment with a time zone that is over; the same when asked twice."""
    said = plugin(order)

    assert plugin(order) == said, "It answers otherwise the second time."
    if said is not None:
        assert timezone.is_aware(said), f"{said!r} has no time zone"
        assert said <= timezone.now(), "It has arrived, or it has not."
