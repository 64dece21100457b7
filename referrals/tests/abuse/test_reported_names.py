"""Script 55: a name that hurts is reported, is read by nobody, and a person decides."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import privacy
from catalog.tests.factories import make_variant
from orders import carts
from orders.tests.factories import make_cart, make_zone
from referrals import (
    baskets,
    board,
    invitations,
    name_reports,
    names,
    retention,
    settlement,
)
from referrals.models import MemberChoices, NameCase, NameDecision, NameReport, Notice
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    set_terms,
)

pytestmark = pytest.mark.django_db

QUEUE = "/admin/referrals/namecase/queue/"
REPORT = re.compile(r"/name/report/[\w:-]+/")
PREVIEWER = {"User-Agent": "Slackbot-LinkExpanding 1.0"}


@pytest.fixture
def anna():
    anna = make_member("anna@example.com", name="Anna Lind", shows_name=True)
    make_link(anna, text="A01B2C3D")
    return anna


@pytest.fixture
def ben(client, anna):
    """A browser that has opened Anna's link."""
    client.get("/r/A01B2C3D/")
    return client


@pytest.fixture
def stan():
    return make_member(
        "stan@example.com", name="Stan Berg", is_staff=True, is_superuser=True
    )


def browser_of(member):
    client = Client()
    client.force_login(member)
    return client


def text_of(client, path, **more):
    return client.get(path, **more).content.decode()


def way_to_report(page):
    return REPORT.search(page).group()


def report(url, *, from_="203.0.113.7"):
    """By somebody without an account, a cookie or a script."""
    answer = Client().post(url, REMOTE_ADDR=from_)
    assert answer.status_code == 200
    return answer.content


def decide(staff, verdict, **why):
    posted = {"case": NameCase.objects.latest("pk").pk, "verdict": verdict}
    return browser_of(staff).post(
        QUEUE, posted | (why or {"reason": "Looked at it"}), follow=True
    )


def on_the_board(member, name):
    terms = set_terms(hold_days=0)
    settlement.settle(make_order(make_attribution(member, terms=terms).invitee))
    board.join(member, name)


def names_on_board():
    return [place.name for place in board.places(make_member())]


# Where a name is read, it can be reported


@pytest.mark.parametrize(
    "path", ["/", "/cart/", "/accounts/signup/", "/checkout/", "basket"]
)
def test_abuse_55_who_was_invited_finds_a_quiet_link_beside_the_name(ben, anna, path):
    make_zone()
    lamp = make_variant()
    if path == "basket":
        lines = carts.contents(make_cart(make_member(), {lamp: 1})).buyable
        path = baskets.share(make_member(), lines).path
    ben.post("/cart/add/", {"variant": lamp.sku, "quantity": 1})

    page = text_of(ben, path)

    assert "Anna gives you $5" in page
    report(way_to_report(page))
    assert NameCase.objects.get().person == anna


def test_abuse_55_the_page_of_a_preview_has_it(client, anna):
    page = text_of(client, "/r/A01B2C3D/", headers=PREVIEWER)

    report(way_to_report(page))

    assert "Anna" not in text_of(client, "/r/A01B2C3D/", headers=PREVIEWER)


@pytest.mark.parametrize("where", ["list", "trail"])
def test_abuse_55_an_inviter_reports_the_name_of_a_friend(anna, where):
    friend = make_member(days_ago=1, name="Ben Karlsen", shows_name=True)
    attribution = make_attribution(anna, friend)
    list_, trail = (
        "/account/invite/",
        f"/account/invite/friends/{attribution.pk}/",
    )
    page = text_of(browser_of(anna), list_ if where == "list" else trail)
    assert "Ben K." in page

    report(way_to_report(page))

    for path in (list_, trail):
        page = text_of(browser_of(anna), path)
        assert "Ben" not in page
        assert "A friend" in page
        assert not REPORT.search(page)


def test_abuse_55_a_member_reports_a_name_on_the_board(anna):
    on_the_board(anna, "Heron")

    report(way_to_report(text_of(browser_of(make_member()), "/account/invite/board/")))

    assert names_on_board() == ["A member"]
    # A name apart: nobody learns from it who is who.
    assert names.first(anna) == "Anna"


def test_abuse_55_nobody_is_asked_to_report_their_own_name(anna):
    on_the_board(anna, "Heron")

    page = text_of(browser_of(anna), "/account/invite/board/")

    assert "Heron" in page
    assert not REPORT.search(page)


def test_abuse_55_the_mail_that_a_member_had_sent_has_it(anna, settings, run_jobs):
    settings.REFERRAL_INVITATION_MAILS = True
    make_order(anna)
    invitations.invite(anna, "ben@example.com")
    run_jobs()
    [letter] = mail.outbox
    assert "Anna Lind invites you" in letter.subject

    report(way_to_report(letter.body))
    with pytest.raises(invitations.Refused, match="Choose a name first"):
        invitations.invite(anna, "cleo@example.com")
    run_jobs()

    assert [each.to for each in mail.outbox] == [["ben@example.com"]]


def test_abuse_55_where_no_name_is_read_there_is_none_to_report(client):
    make_link(make_member(name="Anna Lind"), text="A01B2C3D")
    client.get("/r/A01B2C3D/")

    page = text_of(client, "/")

    assert "A friend gives you $5" in page
    assert not REPORT.search(page)


def test_abuse_55_the_ways_to_two_names_of_one_member_do_not_tell_that_they_are_one(
    ben, anna
):
    on_the_board(anna, "Heron")
    link = text_of(ben, "/")
    place = text_of(browser_of(make_member()), "/account/invite/board/")

    told = [
        name_reports._read(way_to_report(page).split("/")[3])[:2]
        for page in (link, place)
    ]

    # Rows that their readers know of anyway, and nothing of the person behind.
    choices = MemberChoices.objects.get(user=anna)
    assert told == [("l", make_link(anna).pk), ("b", choices.pk)]


# The report


def test_abuse_55_from_the_report_on_nobody_reads_the_name(ben, anna):
    report(way_to_report(text_of(ben, "/")))

    for path in ("/", "/accounts/signup/", "/new/"):
        page = text_of(ben, path)
        assert "Anna" not in page
        assert "A friend gives you $5" in page
        assert not REPORT.search(page)


def test_abuse_55_looking_at_the_page_changes_nothing(ben, anna):
    url = way_to_report(text_of(ben, "/"))

    page = text_of(Client(), url)

    assert "Report this name?" in page
    assert "Anna" not in page
    assert not NameCase.objects.exists()


def test_abuse_55_the_form_of_another_site_reports_nobody(ben):
    url = way_to_report(text_of(ben, "/"))

    assert Client(enforce_csrf_checks=True).post(url).status_code == 403

    assert not NameCase.objects.exists()


@pytest.mark.parametrize("token", ["abc", "x" * 300, "WyJsIiwxLCJhIl0:1:x"])
def test_abuse_55_only_ways_that_the_shop_gave_out_lead_anywhere(client, token):
    for answer in (client.get, client.post):
        assert answer(f"/name/report/{token}/").status_code == 404


def test_abuse_55_the_answer_does_not_tell_what_was_before(ben, anna, stan):
    url = way_to_report(text_of(ben, "/"))
    asked = [Client().get(url).content]
    answers = [report(url), report(url), report(url, from_="198.51.100.1")]
    asked.append(Client().get(url).content)
    decide(stan, "keep")
    answers.append(report(url, from_="198.51.100.2"))
    names.choose(anna, "Annika Lind", shows=True)
    answers.append(report(url, from_="198.51.100.3"))

    assert len(set(answers)) == 1
    assert len({re.sub(rb'value="\w{64}"', b"", page) for page in asked}) == 1


def test_abuse_55_a_report_is_about_the_name_that_was_read(ben, anna):
    url = way_to_report(text_of(ben, "/"))
    names.choose(anna, "Annika Lind", shows=True)

    report(url)

    assert "Annika gives you $5" in text_of(ben, "/")
    assert not NameCase.objects.exists()


def test_abuse_55_one_client_reports_ten_names_a_day(anna):
    ways = [
        name_reports.url_of_inviter(make_link(make_member(name="Eve", shows_name=True)))
        for _ in range(11)
    ]

    answers = [Client().post(way, REMOTE_ADDR="203.0.113.7") for way in ways]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert NameCase.objects.count() == 10
    report(ways[-1], from_="203.0.113.8")
    assert NameCase.objects.count() == 11


def test_abuse_55_of_the_reporter_only_a_network_is_kept_for_half_a_year(
    ben, anna, time_machine
):
    reporter = make_member("reporter@example.com")
    url = way_to_report(text_of(ben, "/"))

    browser_of(reporter).post(url, REMOTE_ADDR="203.0.113.7")

    kept = NameReport.objects.values().get()
    assert kept.keys() == {"id", "case_id", "network", "network_hash", "created_at"}
    assert kept["network"] == "203.0.113.0/24"
    assert "203.0.113.7" not in str(kept)
    time_machine.move_to(timezone.now() + timedelta(days=181))
    assert retention.purge()["reporters"] == 1
    assert NameReport.objects.values_list("network", "network_hash").get() == ("", "")


# The decision


def test_abuse_55_staff_read_it_and_keep_it_with_a_reason(ben, anna, stan):
    report(way_to_report(text_of(ben, "/")))
    queue = text_of(browser_of(stan), QUEUE)
    assert "Anna Lind" in queue
    assert "reported once" in queue

    decide(stan, "keep", reason="")
    assert "Anna" not in text_of(ben, "/")
    decide(stan, "keep", picked="A name like any other")

    assert "Anna gives you $5" in text_of(ben, "/")
    assert NameDecision.objects.get().reason == "A name like any other"
    assert "A name like any other" in LogEntry.objects.get().change_message
    assert "Anna Lind" not in text_of(browser_of(stan), QUEUE)


def test_abuse_55_a_name_hidden_for_good_does_not_come_back_in_disguise(
    ben, anna, stan
):
    report(way_to_report(text_of(ben, "/")))
    decide(stan, "hide")
    assert "Anna" not in text_of(ben, "/")

    own = browser_of(anna)
    for name in ("Ànna L.ind", "ANNA  LIND", "4nna Lind", "Аnnа Lind"):
        own.post("/account/invite/name/", {"name": name, "shows_name": "on"})
        assert "A friend gives you $5" in text_of(ben, "/"), name
    answer = own.post("/account/invite/name/", {"name": "Bea Lind", "shows_name": "on"})
    assert answer.status_code == 302
    assert "Bea gives you $5" in text_of(ben, "/")

    answer = own.post(
        "/account/invite/name/", {"name": "Anna Lind", "shows_name": "on"}
    )
    assert answer.status_code == 422
    with pytest.raises(board.NotAvailable):
        board.join(anna, "Anna-Lind")


def test_abuse_55_while_it_waits_the_name_stays_hidden_whatever_its_owner_types(
    ben, anna
):
    report(way_to_report(text_of(ben, "/")))

    names.choose(anna, "Bea Lind", shows=True)
    assert "Bea gives you $5" in text_of(ben, "/")
    names.choose(anna, "Anna Lind", shows=True)

    assert "A friend gives you $5" in text_of(ben, "/")


def test_abuse_55_on_the_board_too_it_stays_hidden_after_leaving_and_coming_back(
    anna, stan
):
    on_the_board(anna, "Heron")
    choices = MemberChoices.objects.get(user=anna)
    report(name_reports.url_of_board(choices))

    board.leave(anna)
    assert names_on_board() == []
    board.join(anna, "Heron")
    assert names_on_board() == ["A member"]
    board.join(anna, "Kite")
    assert names_on_board() == ["Kite"]
    decide(stan, "hide")

    assert names_on_board() == ["Kite"]
    with pytest.raises(board.NotAvailable):
        board.join(anna, "H3ron")


def test_abuse_55_a_name_that_staff_kept_is_not_hidden_by_asking_again(
    ben, anna, stan, time_machine
):
    url = way_to_report(text_of(ben, "/"))
    report(url)
    decide(stan, "keep")

    for _ in range(3):
        report(url)  # the same hand
    for number in range(1, 4):
        report(url, from_=f"198.51.100.{number}")  # one house
    assert NameCase.objects.get().state == "kept"

    report(url, from_="192.0.2.1")
    assert NameCase.objects.get().state == "kept"
    report(url, from_="100.64.3.1")  # a third place

    assert NameCase.objects.get().state == "open"
    assert "so still read" in text_of(browser_of(stan), QUEUE)
    assert "Anna gives you $5" in text_of(ben, "/")
    decide(stan, "keep")
    report(url, from_="192.0.2.9")
    assert NameCase.objects.get().state == "kept"

    time_machine.move_to(timezone.now() + NameCase.KEPT_FOR)
    report(url, from_="192.0.2.1")
    assert NameCase.objects.get().hides


def test_abuse_55_staff_may_hide_what_they_kept_and_look_again(ben, anna, stan):
    url = way_to_report(text_of(ben, "/"))
    report(url)
    decide(stan, "keep")
    case = NameCase.objects.get()
    again = f"/admin/referrals/namecase/{case.pk}/again/"

    browser_of(stan).post(again, {"reason": "I misread it"})
    assert "Anna gives you $5" in text_of(ben, "/")
    decide(stan, "hide")
    assert "Anna" not in text_of(ben, "/")
    browser_of(stan).post(again, {"reason": "Too hard"})
    assert "Anna" not in text_of(ben, "/")
    decide(stan, "keep")

    assert "Anna gives you $5" in text_of(ben, "/")
    verdicts = list(case.decisions.values_list("verdict", flat=True).order_by("pk"))
    assert verdicts == ["keep", "reopen", "hide", "reopen", "keep"]


def test_abuse_55_two_of_the_staff_decide_once(ben, anna, stan):
    report(way_to_report(text_of(ben, "/")))
    eve = make_member("eve@example.com", is_staff=True, is_superuser=True)

    decide(stan, "keep")
    page = decide(eve, "hide").content.decode()

    assert "Already decided by Stan" in page
    assert "Anna gives you $5" in text_of(ben, "/")
    assert NameDecision.objects.count() == 1


def test_abuse_55_nobody_decides_about_their_own_name(stan):
    stan.shows_name = True
    stan.save()
    report(name_reports.url_of_inviter(make_link(stan)))

    page = decide(stan, "keep").content.decode()

    assert "You cannot decide about your own name." in page
    assert NameCase.objects.get().state == "open"
    assert "Refused" in LogEntry.objects.get().change_message


def test_abuse_55_only_staff_who_may_decide_see_the_queue(anna):
    helper = make_member(is_staff=True)

    assert browser_of(helper).get(QUEUE).status_code == 403
    assert browser_of(anna).get(QUEUE).status_code == 302


def test_abuse_55_the_person_named_is_told_in_few_words(ben, anna, stan):
    report(way_to_report(text_of(ben, "/")))

    for path in ("/account/invite/", "/account/invite/name/", "/account/invite/news/"):
        page = text_of(browser_of(anna), path)
        assert "Your name is not shown at present." in page
        assert "eport" not in re.sub(r"<link[^>]*>", "", page)
    decide(stan, "hide")

    told = list(Notice.objects.filter(user=anna).values_list("text", flat=True))
    assert told == [
        "The name you had is not shown any more. You can choose another one.",
        "Your name is not shown at present. You can choose another one.",
    ]


def test_abuse_55_a_name_that_staff_wrote_themselves_is_read(ben, anna, stan):
    report(way_to_report(text_of(ben, "/")))
    page = f"/admin/accounts/user/{anna.pk}/change/"
    form = {"name": "Anna Lind", "shows_name": "on", "is_active": "on"}
    for rows in ("ledger_accounts", "addresses"):
        form |= {f"{rows}-TOTAL_FORMS": 0, f"{rows}-INITIAL_FORMS": 0}

    assert browser_of(stan).post(page, form).status_code == 302
    assert "A friend gives you $5" in text_of(ben, "/")
    browser_of(stan).post(page, form | {"name": "Annika Lind"})

    assert "Annika gives you $5" in text_of(ben, "/")


# The filter, and consent


@pytest.mark.parametrize(
    "name", ["Fuck You", "F.U.C.K", "fück", "5upport", "Tandem", "\u200b", "🖕"]
)
def test_abuse_55_an_insult_or_a_pose_is_read_by_nobody(client, name):
    make_link(make_member(name=name, shows_name=True), text="A01B2C3D")
    client.get("/r/A01B2C3D/")

    assert "A friend gives you $5" in text_of(client, "/")


@pytest.mark.parametrize("name", ["Harshit", "Zara", "Aldina", "Shital", "Jörg", "李"])
def test_abuse_55_a_name_that_only_sounds_like_one_is_read(client, name):
    make_link(make_member(name=name, shows_name=True), text="A01B2C3D")
    client.get("/r/A01B2C3D/")

    assert f"{name} gives you $5" in text_of(client, "/")


def test_abuse_55_nobody_takes_an_insult_to_be_read_but_may_be_called_so(anna):
    own, form = browser_of(anna), {"name": "Fuck You"}

    shown = own.post("/account/invite/name/", form | {"shows_name": "on"})
    alone = own.post("/account/invite/name/", form)

    assert (shown.status_code, alone.status_code) == (422, 302)


def test_a_name_of_nothing_is_no_name(anna):
    answer = browser_of(anna).post("/account/invite/name/", {"name": "\u200e\u202e"})

    assert answer.status_code == 422
    assert names.first(anna) == "Anna"


def test_a_member_takes_back_the_leave_to_be_named(ben, anna):
    browser_of(anna).post("/account/invite/name/", {"name": "Anna Lind"})

    assert "A friend gives you $5" in text_of(ben, "/")
    assert "Friends read “A friend”." in text_of(
        browser_of(anna), "/account/invite/name/"
    )


def test_a_name_is_changed_ten_times_a_day_at_most(anna):
    own = browser_of(anna)
    for number in range(11):
        own.post("/account/invite/name/", {"name": f"Anna {number}"})

    anna.refresh_from_db()
    assert anna.name == "Anna 9"


# What is kept, and for whom


def test_what_was_said_about_a_name_is_handed_out_and_leaves_with_its_owner(
    ben, anna, stan
):
    report(way_to_report(text_of(ben, "/")))
    decide(stan, "hide")

    [told] = privacy.export(anna)["names_reported"]
    assert (told["name"], told["state"]) == ("Anna Lind", "hidden")
    assert "203.0.113" not in json.dumps(privacy.export(anna)["names_reported"])

    privacy.close(anna, gives_up={})
    case = NameCase.objects.get()
    assert case.name == ""
    assert case.name_hash != names.hash_of("Anna Lind")


def test_nobody_decides_about_the_name_of_who_has_left(ben, anna):
    report(way_to_report(text_of(ben, "/")))
    assert [case.person for case in name_reports.queue()] == [anna]

    privacy.close(anna, gives_up={})

    assert list(name_reports.queue()) == []


@pytest.mark.parametrize(
    ("sql", "match"),
    [
        ("DELETE FROM referrals_namecase", "is kept"),
        ("DELETE FROM referrals_namereport", "is kept"),
        ("DELETE FROM referrals_namedecision", "only grows"),
        ("UPDATE referrals_namedecision SET reason = 'Other'", "only grows"),
        ("UPDATE referrals_namecase SET person_id = {stan}", "cannot change"),
        ("UPDATE referrals_namereport SET created_at = '2001-01-01'", "cannot change"),
        (
            "UPDATE referrals_namecase SET state = 'hidden', kept_at = NULL",
            "cannot move that way",
        ),
        (
            "INSERT INTO referrals_namedecision (case_id, person_id, verdict, reason,"
            " decided_by_id, created_at)"
            " VALUES ({case}, {anna}, 'keep', 'Mine', {anna}, '2026-01-01')",
            "nobody_decides_about_their_own_name|CHECK",
        ),
        (
            "INSERT INTO referrals_namedecision (case_id, person_id, verdict, reason,"
            " decided_by_id, created_at)"
            " VALUES ({case}, {stan}, 'keep', 'Hers', {anna}, '2026-01-01')",
            "person differs",
        ),
        (
            "INSERT INTO referrals_namedecision (case_id, person_id, verdict, reason,"
            " decided_by_id, created_at)"
            " VALUES ({case}, {anna}, 'keep', '', {stan}, '2026-01-01')",
            "name_decision_has_reason|CHECK",
        ),
    ],
)
def test_abuse_55_the_database_keeps_what_was_said(ben, anna, stan, sql, match):
    report(way_to_report(text_of(ben, "/")))
    decide(stan, "keep")
    case = NameCase.objects.get()

    with (
        pytest.raises(IntegrityError, match=match),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(case=case.pk, anna=anna.pk, stan=stan.pk))
