import random
import re

import pytest
from django.db import IntegrityError, transaction

from referrals import codes, links
from referrals.models import Code, ReferralLink
from referrals.tests.counting import counted
from referrals.tests.factories import make_link, make_member

pytestmark = pytest.mark.django_db


def test_a_member_gets_one_default_link_however_often_they_look():
    member = make_member()
    assert not ReferralLink.objects.exists()

    first = links.default_link(member)
    second = links.default_link(member)

    assert first == second
    assert Code.objects.filter(link=first).count() == 1
    assert second.code == first.codes.get().text


def test_who_never_looks_has_no_link():
    make_member()

    assert not ReferralLink.objects.exists()


def test_the_database_refuses_a_second_default_link():
    link = make_link()

    with pytest.raises(IntegrityError), transaction.atomic():
        ReferralLink.objects.create(
            owner=link.owner, campaign=link.campaign, is_default=True
        )


def test_the_database_refuses_an_unknown_kind():
    link = make_link()

    with pytest.raises(IntegrityError), transaction.atomic():
        ReferralLink.objects.filter(pk=link.pk).update(kind="lottery")


def test_a_code_stays_with_its_link_for_ever():
    link, other = make_link(), make_link()

    with pytest.raises(IntegrityError), transaction.atomic():
        Code.objects.filter(link=link).update(link=other)


def test_codes_use_32_symbols_and_none_that_is_misread():
    drawn = {links.default_link(make_member()).code for _ in range(30)}

    assert len(set(codes.ALPHABET)) == 32
    assert not set("ILOU") & set(codes.ALPHABET)
    assert len(drawn) == 30
    assert all(re.fullmatch(f"[{codes.ALPHABET}]{{8}}", code) for code in drawn)


def test_codes_do_not_follow_from_a_seed():
    random.seed(7)
    first = links.default_link(make_member()).code
    random.seed(7)

    assert links.default_link(make_member()).code != first


@pytest.mark.parametrize(
    "typed",
    [
        "A01B2C3D",
        "a01b2c3d",
        "AO1B2C3D",
        "aoib2c3d",
        "A0lB2C3D",
        "A0LB 2C3D",
        " A01B-2C3D ",
        "A01B–2C3D",
        "A01B\u00a02C3D\u200b",
        "a-0-1-b-2-c-3-d",
        "А01В2С3D",  # three letters of it Cyrillic
        "Ａ０１Ｂ２Ｃ３Ｄ",
    ],
)
def test_a_code_is_read_however_it_was_typed(typed):
    link = make_link(text="A01B2C3D")

    assert links.resolve(typed) == link


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "A01B2C3D!",
        "Ж01B2C3D",
        "../etc",
        "x" * 2000,
        "♞",
        "ﷺ" * 8,
    ],
)
def test_what_cannot_be_a_code_asks_the_database_nothing(typed):
    with counted() as asked:
        assert links.resolve(typed) is None

    assert not asked.own


def test_the_address_is_absolute_and_leads_back_to_the_link(settings):
    settings.SITE_URL = "https://shop.example"
    link = make_link(text="A01B2C3D")

    assert links.url_of(link) == "https://shop.example/r/A01B2C3D/"


def test_the_picture_of_a_link_has_a_quiet_zone():
    drawn = links.drawn("https://shop.example/r/A01B2C3D/")

    assert drawn["size"] == 29 + 8
    assert drawn["d"].startswith("M4 4.5h7")
