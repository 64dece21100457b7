"""R-L9: staff end links with a reason, open them again, and date a campaign's."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from catalog.tests.factories import make_product
from referrals import cards, clicks, codes, links
from referrals.models import Campaign, Code, ReferralLink, Visit
from referrals.tests.factories import make_link, make_member
from shop.kit.staff import change_url, list_url

pytestmark = pytest.mark.django_db


@pytest.fixture
def link():
    return make_link(text="A01B2C3D")


@pytest.fixture
def stan(admin_client):
    """A browser of staff."""
    return admin_client


def at(link, verb):
    return f"/admin/referrals/referrallink/{link.pk}/{verb}/"


def logged():
    return list(LogEntry.objects.values_list("change_message", flat=True))


def text_of(answer):
    return " ".join(answer.content.decode().split())


def make_campaign_link(**fields):
    campaign = Campaign.objects.get()
    return links.for_campaign(ReferralLink(campaign=campaign, label="Tram", **fields))


def test_staff_end_a_link_with_a_reason_and_it_leads_nowhere(stan, client, link):
    assert "End</a>" in text_of(stan.get(change_url(ReferralLink, link.pk)))
    assert "required" in text_of(stan.post(at(link, "end")))
    link.refresh_from_db()
    assert link.disabled_at is None

    stan.post(at(link, "end"), {"reason": "Stood on a coupon site"})

    link.refresh_from_db()
    assert link.disabled_at
    assert link.disabled_reason == "Stood on a coupon site"
    assert "Ended. Stood on a coupon site" in logged()
    client.get("/r/A01B2C3D/")
    assert not Visit.objects.exists()


def test_looking_at_the_page_that_asks_ends_nothing(stan, link):
    assert stan.get(at(link, "end")).status_code == 200

    link.refresh_from_db()
    assert link.disabled_at is None


def test_a_link_that_was_ended_can_be_opened_again_with_a_reason(stan, client, link):
    stan.post(at(link, "end"), {"reason": "By mistake"})
    assert "Open again</a>" in text_of(stan.get(change_url(ReferralLink, link.pk)))

    stan.post(at(link, "open"), {"reason": "It was not hers"})

    link.refresh_from_db()
    assert (link.disabled_at, link.disabled_reason) == (None, "")
    assert "Opened again. It was not hers" in logged()
    client.get("/r/A01B2C3D/")
    assert Visit.objects.get().link == link


@pytest.mark.parametrize(
    ("verb", "said"), [("end", "ended already"), ("open", "open already")]
)
def test_what_somebody_has_done_already_is_done_once(stan, link, verb, said):
    if verb == "end":
        stan.post(at(link, "end"), {"reason": "First"})
    before = len(logged())

    page = stan.post(at(link, verb), {"reason": "Second"}, follow=True)

    assert said in text_of(page)
    assert len(logged()) == before


def test_the_link_of_somebody_who_left_stays_ended(stan, link):
    ReferralLink.objects.update(disabled_at=timezone.now())
    type(link.owner).objects.filter(pk=link.owner.pk).update(is_active=False)

    page = stan.post(at(link, "open"), {"reason": "Please"}, follow=True)

    assert "Its owner has left." in text_of(page)
    link.refresh_from_db()
    assert link.disabled_at


def test_of_two_links_to_a_product_one_is_open(stan):
    anna, mug = make_member(), make_product("Mug", slug="mug")
    first = links.for_product(anna, mug)
    links.end(first)
    links.for_product(anna, mug)

    page = stan.post(at(first, "open"), {"reason": "Please"}, follow=True)

    assert "another link to the same product" in text_of(page)


def test_staff_say_from_when_until_when_a_campaigns_link_counts(stan):
    link = make_campaign_link()
    until = timezone.now().replace(second=0, microsecond=0) + timedelta(days=3)
    day, time = timezone.localtime(until).strftime("%Y-%m-%d %H:%M").split()

    stan.post(at(link, "dates"), {"expires_at": f"{day} {time}"})

    link.refresh_from_db()
    assert (link.active_from, link.expires_at) == (None, until)
    assert any("Counts from the start until" in each for each in logged())


def test_an_end_before_the_start_is_refused(stan):
    link = make_campaign_link()
    days = {"active_from": "2030-05-02 10:00", "expires_at": "2030-05-01 10:00"}

    page = stan.post(at(link, "dates"), days)

    assert "The end comes before the start." in text_of(page)


def test_a_members_link_has_no_dates_of_staff(stan, link):
    assert stan.get(at(link, "dates")).status_code == 404
    assert "When it counts" not in text_of(stan.get(change_url(ReferralLink, link.pk)))


@pytest.mark.parametrize("verb", ["end", "open", "dates"])
def test_who_may_only_look_changes_nothing(client, verb):
    link = make_campaign_link()
    looker = make_member(is_staff=True)
    client.force_login(looker)

    assert client.post(at(link, verb), {"reason": "x"}).status_code == 403


def test_the_page_of_a_link_tells_what_did_not_count(stan, link):
    for field in ["previews", "own_clicks", "late_clicks", "late_clicks"]:
        clicks.count(link, field)

    page = text_of(stan.get(change_url(ReferralLink, link.pk)))

    assert "1 by machines, 1 by its owner, 2 after its end" in page


def test_each_printed_card_stands_in_the_list_under_its_own_code(stan):
    member = make_member()
    links.default_link(member)
    cards.make_sheet(member)

    page = text_of(stan.get(list_url(ReferralLink, "kind__exact=paper")))

    printed = Code.objects.filter(kind="card")
    assert printed.count() == 10
    assert [code for code in printed if f">{code.display}</a>" not in page] == []


def test_a_renewed_link_stands_in_the_list_under_the_code_that_works(stan, link):
    links.rotate(link)

    page = text_of(stan.get(list_url(ReferralLink)))

    assert f">{link.codes.get(is_primary=True).display}</a>" in page
    assert "A01B2C3D" not in page


def test_codes_that_wait_are_counted_on_the_start_page_and_listed_behind(stan, link):
    start = "/admin/"
    assert "Codes to allow" not in text_of(stan.get(start))
    for wish in ("FREE-MUG", "CASH-FOR-YOU", "BIG-BONUS"):
        codes.choose(link, wish)
    codes.refuse(Code.objects.get(display="CASH-FOR-YOU"))
    codes.allow(Code.objects.get(display="BIG-BONUS"))

    figures = stan.get(start).context["figures"]
    (figure,) = (each for each in figures if each.label == "Codes to allow")
    page = text_of(stan.get(figure.url))

    assert figure.value == "1"
    assert "FREE-MUG" in page
    assert "CASH-FOR-YOU" not in page
    assert "BIG-BONUS" not in page
