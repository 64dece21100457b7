"""Scripts 53 and 54, R-U6 and R-P5: mails that the shop sends for its members."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import mailboxes
from accounts.models import User
from referrals import bare, invitations
from referrals.models import Attribution, Invitation, ReferralLink, Suppression
from referrals.tests.counting import counted
from referrals.tests.factories import PASSWORD, make_member, make_order
from referrals.tests.people import join
from shop.kit.models import Message

pytestmark = pytest.mark.django_db
PAGE = "/account/invite/mail/"


@pytest.fixture(autouse=True)
def _on(settings):
    settings.REFERRAL_INVITATION_MAILS = True
    settings.SHOP_POSTAL_ADDRESS = "Tandem, 1 Example Street, 12345 Example"


def make_sender(email="", *, name="Mal Kovic"):
    sender = make_member(email, name=name)
    make_order(sender)
    return sender


def browser_of(member):
    client = Client()
    client.force_login(member)
    return client


@pytest.fixture
def sender():
    return make_sender("mal@example.com")


@pytest.fixture
def mal(sender):
    return browser_of(sender)


def send(client, address="ben@example.com", note=""):
    form = {"address": address, "note": note, "is_agreed": "on"}
    return client.post(PAGE, form)


def invited():
    return [letter for letter in mail.outbox if "invites you" in letter.subject]


def test_abuse_53_there_is_no_such_page_unless_the_shop_wants_it(
    mal, settings, run_jobs
):
    settings.REFERRAL_INVITATION_MAILS = False

    answers = mal.get(PAGE).status_code, send(mal).status_code
    run_jobs()

    assert answers == (404, 404)
    assert invited() == []
    assert PAGE not in mal.get("/account/invite/").content.decode()


def test_abuse_53_the_eleventh_of_a_day_is_refused_and_the_next_day_goes_on(
    mal, run_jobs, time_machine
):
    now = timezone.now()
    time_machine.move_to(now, tick=False)
    answers = []
    for n in range(12):
        answers.append(send(mal, f"friend{n}@example.com").status_code)
        time_machine.shift(timedelta(minutes=15))
    run_jobs()

    assert answers == [302] * 10 + [422] * 2
    assert len(invited()) == 10

    time_machine.move_to(now + timedelta(hours=25), tick=False)
    mal.force_login(Invitation.objects.first().sender)
    assert send(mal, "friend11@example.com").status_code == 302


REAUTHENTICATE = "/accounts/reauthenticate/"


def test_abuse_53_a_burst_takes_the_password_whoever_is_written_to(
    mal, sender, run_jobs, time_machine
):
    """No picture puzzle of a third party: a robot on a stolen session knows none.

    What is asked depends on the number of tries alone, not on the addresses.
    """
    make_member("customer@example.com")
    for address in (
        "customer@example.com",
        "friend1@example.com",
        "friend2@example.com",
    ):
        assert send(mal, address).url == PAGE

    asked = [
        send(mal, each) for each in ("customer@example.com", "friend3@example.com")
    ]
    assert [each.url.partition("?")[0] for each in asked] == [REAUTHENTICATE] * 2
    assert Invitation.objects.count() == 3

    wrong = mal.post(asked[-1].url, {"password": "a guess"})
    assert wrong.status_code == 200
    assert Invitation.objects.count() == 3
    right = mal.post(
        asked[-1].url, {"password": PASSWORD}
    )  # the mail goes on by itself
    assert (right.status_code, right.url) == (302, PAGE)
    assert invitations.left(sender) == 6
    run_jobs()
    assert [letter.to for letter in invited()] == [
        ["friend1@example.com"],
        ["friend2@example.com"],
        ["friend3@example.com"],
    ]
    assert mal.get(PAGE).status_code == 200

    time_machine.move_to(timezone.now() + timedelta(minutes=11))
    mal.force_login(sender)
    assert send(mal, "friend4@example.com").url == PAGE


def test_abuse_53_nobody_sends_more_than_a_hundred_in_a_life(mal, sender, time_machine):
    now = timezone.now()
    for day in range(10):
        time_machine.move_to(now + timedelta(days=2 * day), tick=False)
        for n in range(10):
            invitations.invite(sender, f"friend{day}-{n}@example.com")

    time_machine.move_to(now + timedelta(days=30), tick=False)
    mal.force_login(sender)

    assert send(mal, "one.more@example.com").status_code == 422
    assert Invitation.objects.filter(sender=sender).count() == 100


def test_abuse_53_who_has_not_bought_sends_nothing(run_jobs):
    newcomer = browser_of(make_member(name="New Comer"))

    answer = send(newcomer)
    run_jobs()

    assert answer.status_code == 422
    assert "from your first order on" in answer.content.decode()
    assert invited() == []


def test_abuse_53_who_has_not_proven_an_address_sends_nothing(mal, sender, run_jobs):
    sender.emailaddress_set.update(verified=False)

    answer = send(mal)
    run_jobs()

    assert answer.status_code == 422
    assert "Confirm your own email" in answer.content.decode()
    assert invited() == []


@pytest.mark.parametrize(
    "link",
    [
        "http://evil",
        "hxxps : // evil/x",
        "https:\\\\evil",
        "//evil/x",
        "evil.example",
        "evil[.]example",
        "evil (dot) example",
        "evil . example",
        "evil .example",
        "evil. com",
        "evil dot com",
        "evil．example/pay",
        "evil。example",
        "ev\u200bil.example",
        "www evil",
        "pay@evil",
        "javascript:evil",
        "192.0.2.7/evil",
        "x[.evil.example.]com",
    ],
)
def test_abuse_53_a_note_loses_what_could_be_followed(mal, run_jobs, link):
    send(mal, note=f"Look here {link} soon")
    run_jobs()

    letter = invited()[0]

    for body in (letter.body, letter.alternatives[0][0]):
        assert "Look here" in body
        assert "evil" not in body
        assert "192.0" not in body


def test_abuse_53_a_note_of_one_word_too_many_is_refused(mal):
    assert send(mal, note="x" * 201).status_code == 422
    assert not Invitation.objects.exists()


def test_abuse_53_the_name_of_the_sender_carries_no_link(run_jobs):
    send(browser_of(make_sender(name="Win http://evil.example now")))
    run_jobs()

    letter = invited()[0]

    assert "evil" not in letter.subject + letter.body + letter.alternatives[0][0]
    assert letter.subject.startswith("Win now invites you")


def test_abuse_53_words_of_people_stay_as_they_are():
    note = "Hello Ben. You said 3 chairs, right? It is 20% off: come by! Ann"

    assert bare.words(note) == note


def test_abuse_53_an_address_is_written_to_once_by_all_senders(mal, run_jobs):
    others = [browser_of(make_sender()) for _ in range(2)]

    first = told(mal, "new@example.com")
    send(mal)
    again = [
        told(others[0], "Ben@Example.com"),
        told(others[1], "ben+1@example.com"),
    ]
    run_jobs()

    assert again == [first, first]
    assert [letter.to for letter in invited()] == [
        ["new@example.com"],
        ["ben@example.com"],
    ]


def told(client, address):
    """All that a sender can see of it: the answer, the page after it, and the work."""
    with counted() as asked:
        answer = send(client, address)
    page = client.get(PAGE)
    passing = ("Set-Cookie", "Expires")  # a second may begin between two answers
    headers = {name: text for name, text in answer.items() if name not in passing}
    drawn = rb'"[A-Za-z0-9]{64}"'  # the token of the form, anew on every page
    body = re.sub(drawn, b"", page.content)
    return answer.status_code, headers, answer.content, body, len(asked.own)


def test_abuse_54_the_answer_is_the_same_whoever_it_is():
    make_member("customer@example.com")
    make_order(None)  # by guest@example.com
    Suppression.objects.create(address_hash=mailboxes.hash_of("quiet@example.com"))
    send(browser_of(make_sender()), "invited@example.com")

    answers = {
        who: told(browser_of(make_sender()), f"{who}@example.com")
        for who in ("unknown", "customer", "guest", "quiet", "invited")
    }

    unknown = answers["unknown"]
    assert (unknown[0], unknown[1]["Location"]) == (302, PAGE)
    assert b"your invitation is on its way" in unknown[3]
    for who, each in answers.items():
        assert each == unknown, who


def test_abuse_54_a_try_counts_alike_and_keeps_nothing_of_a_customers_address(
    mal, sender, run_jobs
):
    make_member("customer@example.com")

    send(mal, "customer@example.com")
    send(mal, "unknown@example.com")
    run_jobs()

    assert invitations.left(sender) == 8
    assert [letter.to for letter in invited()] == [["unknown@example.com"]]
    known = mailboxes.hash_of("customer@example.com")
    assert not Invitation.objects.filter(address_hash=known).exists()


def test_the_mail_says_who_wants_it_who_sends_it_and_how_to_get_no_more(mal, run_jobs):
    send(mal, note="Come and see")
    run_jobs()

    letter = invited()[0]
    stop = re.search(r"http\S+/invitation/stop/\S+", letter.body).group()

    for body in (letter.body, letter.alternatives[0][0]):
        assert "Mal Kovic" in body
        assert "Tandem, 1 Example Street" in body
        assert "Come and see" in body
    assert letter.extra_headers["List-Unsubscribe"] == f"<{stop}>"
    assert letter.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter.attachments == []


def test_one_click_in_a_mail_program_ends_it_for_every_sender(mal, run_jobs):
    send(mal)
    run_jobs()
    stop = invited()[0].extra_headers["List-Unsubscribe"].strip("<>")
    path = "/" + stop.split("/", 3)[3]
    program = Client(enforce_csrf_checks=True)

    looked = program.get(path)
    assert (looked.status_code, Suppression.objects.count()) == (200, 0)

    for _ in range(2):
        done = program.post(path, {"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200

    known = mailboxes.hash_of("ben@example.com")
    assert Suppression.objects.get().address_hash == known


def test_who_says_stop_before_the_mail_is_written_gets_none(mal, run_jobs):
    send(mal)
    Suppression.objects.create(address_hash=mailboxes.hash_of("ben@example.com"))
    run_jobs()

    assert invited() == []
    assert Invitation.objects.get().address == ""


def test_a_made_up_token_ends_nothing(client):
    path = reverse("referrals:stop_mail", args=[f"{'0' * 64}:made-up"])

    assert client.get(path).status_code == client.post(path).status_code == 404
    assert not Suppression.objects.exists()


def test_the_address_is_forgotten_once_the_mail_has_left(mal, run_jobs):
    send(mal)
    assert Invitation.objects.get().address == "ben@example.com"

    run_jobs()

    invitation = Invitation.objects.get()
    message = Message.objects.get(kind="invitation")
    assert (invitation.address, message.recipient) == ("", "")
    assert invitation.sent_at == message.sent_at
    assert invitation.address_hash == mailboxes.hash_of("ben@example.com")


def test_the_sweep_forgets_what_the_signal_missed_and_what_never_left(
    mal, run_jobs, time_machine
):
    now = timezone.now()
    send(mal)
    send(mal, "never@example.com")
    run_jobs()
    first, second = Invitation.objects.order_by("pk")
    for each, address in [(first, "ben@example.com"), (second, "never@example.com")]:
        Invitation.objects.filter(pk=each.pk).update(address=address, sent_at=None)
        Message.objects.filter(subject_row=f"invitation:{each.pk}").update(
            recipient=address
        )
    Message.objects.filter(subject_row=f"invitation:{second.pk}").update(
        state=Message.State.FAILED
    )

    assert invitations.forget_delivered() == 1
    time_machine.move_to(now + timedelta(days=8), tick=False)
    assert invitations.forget_delivered() == 1

    kept = Invitation.objects.order_by("pk").values_list("address", flat=True)
    assert list(kept) == ["", ""]
    assert set(Message.objects.values_list("recipient", flat=True)) == {""}


def test_a_friend_who_signs_up_on_another_device_is_recognised_by_the_address(
    mal, sender, run_jobs, mailoutbox
):
    send(mal)
    run_jobs()

    join(Client(), mailoutbox, "ben@example.com")

    attribution = Attribution.objects.get()
    assert attribution.inviter == sender
    assert attribution.method == Attribution.Method.INVITATION
    assert attribution.status == Attribution.Status.ACTIVE
    assert attribution.link.kind == ReferralLink.Kind.EMAIL


def test_who_has_no_name_is_led_to_choose_one_and_writes_to_nobody(settings):
    sender = make_sender("noname@example.com", name="")
    browser = browser_of(sender)

    page = browser.get(PAGE).content.decode()
    browser.post(PAGE, {"address": "ben@example.com", "is_agreed": "on"})

    assert "Choose a name first." in page
    assert 'href="/account/invite/name/"' in page
    assert not Invitation.objects.exists()


def test_a_name_that_was_hidden_before_the_mail_was_written_stops_it(run_jobs):
    sender = make_sender("hidden@example.com", name="Anna Lind")
    invitations.invite(sender, "ben@example.com")
    User.objects.filter(pk=sender.pk).update(name_hidden_at=timezone.now())

    run_jobs()

    assert mail.outbox == []
    assert Invitation.objects.get().address == ""
