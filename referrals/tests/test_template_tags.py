import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import RequestFactory

from referrals.models import Campaign, ReferralLink
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_visit,
    make_visitor,
)

pytestmark = pytest.mark.django_db

COOKIE = "tandem_visit"
TAGS = {
    "link": "{% referral_link user %}",
    "share": "{% referral_share user %}",
    "activity": "{% referral_activity user as friends %}{{ friends|length }}",
    "banner": "{% referral_banner %}",
}


def render(tag, user, cookie=""):
    request = RequestFactory().get("/p/mug/")
    request.user = user
    if cookie:
        request.COOKIES[COOKIE] = cookie
    context = Context({"request": request, "user": user, "csrf_token": "x"})
    return Template("{% load referral %}" + tag).render(context).strip()


@pytest.mark.parametrize("tag", TAGS)
def test_a_guest_without_our_cookie_costs_no_query(tag):
    with counted() as asked:
        shown = render(TAGS[tag], AnonymousUser())

    assert shown in ("", "0")
    assert len(asked) == 0


def test_a_member_gets_the_address_of_their_own_link(settings):
    link = make_link()

    shown = render(TAGS["link"], link.owner)

    assert shown == f"{settings.SITE_URL}/r/{link.code}/"


def test_the_first_look_makes_the_link():
    member = make_member()

    assert "/r/" in render(TAGS["link"], member)
    assert ReferralLink.objects.get().owner == member


def test_a_link_to_a_page_opens_that_page(client):
    link = make_link()

    shown = render("{% referral_link user '/p/mug/?v=1' %}", link.owner)

    assert client.get(shown)["Location"] == "/p/mug/?v=1"


def test_without_a_campaign_there_is_nothing_to_print():
    Campaign.objects.update(is_default=False)

    assert render(TAGS["link"], make_member()) == ""


def test_ways_to_share_a_page_carry_their_marks_and_the_page(client):
    link = make_link()

    shown = render("{% referral_share user '/p/mug/' 'here' %}", link.owner)

    assert 'id="here"' in shown
    assert "next%3D%252Fp%252Fmug%252F%26c%3Dwhatsapp" in shown


def test_members_see_their_friends_and_no_others():
    attribution = make_attribution()
    make_attribution(attribution.inviter)
    make_attribution()

    assert render(TAGS["activity"], attribution.inviter) == "2"
    assert (
        render(
            "{% referral_activity user 1 as some %}{{ some|length }}",
            attribution.inviter,
        )
        == "1"
    )


def test_the_banner_leads_back_to_the_page_it_stands_on(client):
    make_visit(make_visitor(client), make_link())
    token = client.cookies[COOKIE].value

    shown = render(TAGS["banner"], AnonymousUser(), cookie=token)

    assert "gives you $5 off your first order" in shown
    assert 'action="/invitation/dismiss/"' in shown
    assert 'value="/p/mug/"' in shown
