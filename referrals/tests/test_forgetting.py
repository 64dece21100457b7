"""What is forgotten of who has left, and what of it stands for ever."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import privacy
from referrals import codes, links, retention, risk
from referrals.models import Claim, Code, ReviewCase, RiskSignal
from referrals.tests.factories import make_attribution, make_link, make_member

pytestmark = pytest.mark.django_db


def test_a_text_that_may_go_is_emptied_and_never_rewritten():
    claim = Claim.objects.create(
        invitee=make_member(),
        link=make_link(),
        won=False,
        reason="own_link",
        note="Rang us",
        touched_at=timezone.now(),
    )
    rows = Claim.objects.filter(pk=claim.pk)

    for change in ({"note": "Something else"}, {"reason": "first_touch"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    rows.update(note="")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(note="Rang us")


def test_a_code_changes_only_as_it_is_forgotten():
    code = make_link(text="A01B2C3D").codes.get(text="A01B2C3D")
    rows = Code.objects.filter(pk=code.pk)

    for change in ({"text": "B01B2C3D"}, {"display": "B"}, {"link": make_link().pk}):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**change)
    rows.update(text="~1", display="")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(text="B01B2C3D")


def test_a_code_of_who_has_left_is_nobody_elses():
    leo = make_member()
    codes.choose(links.add(leo, "Flyer"), "LUNA")
    privacy.close(leo, gives_up={})

    assert links.resolve("LUNA") is None
    assert not Code.objects.filter(text__icontains="VNA").exists()
    with pytest.raises(codes.NotAvailable):
        codes.choose(links.add(make_member(), "Flyer"), "luna")


def sign(attribution, days, code="disposable_address"):
    return RiskSignal.objects.create(
        attribution=attribution,
        code=code,
        weight=40,
        evidence="domain annalind.de",
        created_at=timezone.now() - timedelta(days=days),
    )


@pytest.mark.parametrize("state", [None, "approved", "rejected", "open", "asked"])
def test_what_a_signal_saw_goes_after_half_a_year_once_it_is_decided(state):
    attribution = make_attribution()
    if state:
        decided = timezone.now() if state in ("approved", "rejected") else None
        ReviewCase.objects.create(
            attribution=attribution, score=80, state=state, decided_at=decided
        )
    old, young = sign(attribution, 181), sign(attribution, 179, "same_network")
    before = risk.score(attribution)

    for _ in range(2):
        retention.purge()

    old.refresh_from_db()
    young.refresh_from_db()
    waits = state in ("open", "asked")
    assert old.evidence == ("domain annalind.de" if waits else "")
    assert young.evidence == "domain annalind.de"
    assert (old.code, risk.score(attribution)) == ("disposable_address", before)


def test_two_signals_of_one_kind_are_both_forgotten():
    attribution = make_attribution()
    for number in range(2):
        RiskSignal.objects.create(
            attribution=attribution,
            code="shared_device",
            weight=30,
            evidence=f"visitor {number}",
            created_at=timezone.now() - timedelta(days=200),
        )

    assert retention.purge()["signals"] == 2
    assert set(RiskSignal.objects.values_list("evidence", flat=True)) == {""}
