from datetime import timedelta

import pytest
from django.core.mail import EmailMessage, send_mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from orders import emails
from orders.tests.factories import make_order, make_user
from shop.kit import jobs, mail
from shop.kit.models import Message

pytestmark = pytest.mark.django_db

seen = []


@pytest.fixture
def outbox(settings):
    """The shop's own EMAIL_BACKEND, which Django's test runner replaces."""
    settings.EMAIL_BACKEND = "shop.kit.mail.Outbox"


class DownAtFirst(EmailBackend):
    """A mail server that is down for the first two tries."""

    def send_messages(self, messages):
        seen.extend(message.extra_headers["Message-ID"] for message in messages)
        if len(seen) < 3:
            raise ConnectionRefusedError("nobody listens")
        return super().send_messages(messages)


def test_inv_32_a_mail_about_one_row_is_written_and_sent_once(run_jobs, mailoutbox):
    order = make_order()

    for _ in range(3):
        emails.order_confirmed(order)
        run_jobs()

    assert [message.to for message in mailoutbox] == [["ada@example.com"]]
    assert order.code in mailoutbox[0].subject.replace(" ", "")
    assert Message.objects.get().state == Message.State.SENT
    assert Message.objects.get().sent_at


def test_inv_32_a_mail_of_a_change_that_was_taken_back_is_never_sent(
    run_jobs, mailoutbox
):
    order = make_order()

    def change_and_take_back():
        with transaction.atomic():
            emails.order_confirmed(order)
            raise KeyError("taken back")

    with pytest.raises(KeyError):
        change_and_take_back()
    run_jobs()

    assert mailoutbox == []
    assert not Message.objects.exists()


def test_a_mail_server_that_is_down_delays_the_mail_and_nothing_else(
    run_jobs, mailoutbox, settings, time_machine
):
    seen.clear()
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    settings.MAIL_TRANSPORT = f"{__name__}.DownAtFirst"
    emails.order_confirmed(make_order())

    run_jobs()
    message = Message.objects.get()
    assert (message.state, message.attempts) == (Message.State.FAILED, 1)
    assert "nobody listens" in message.error

    for _ in range(2):
        time_machine.shift(timedelta(hours=1))
        run_jobs()

    message.refresh_from_db()
    assert (message.state, message.attempts, message.error) == ("sent", 3, "")
    assert seen == [message.message_id] * 3, "a reader can recognise the repeat"
    assert len(mailoutbox) == 1


def test_a_sent_mail_is_not_sent_again_by_a_repeated_job(run_jobs, mailoutbox):
    emails.order_confirmed(make_order())
    run_jobs()

    mail.deliver.enqueue(Message.objects.get().pk)
    run_jobs()

    assert len(mailoutbox) == 1


def test_what_other_packages_send_takes_the_same_way(outbox, run_jobs, mailoutbox):
    message = EmailMessage("A code", "123456", to=["ada@example.com"], cc=["b@e.com"])
    message.send()
    send_mail("Plain", "Words", None, ["c@e.com"], html_message="<p>Words</p>")
    assert mailoutbox == []
    assert Message.objects.count() == 3

    run_jobs()

    assert {address for sent in mailoutbox for address in sent.to} == {
        "ada@example.com",
        "b@e.com",
        "c@e.com",
    }
    assert mailoutbox[-1].alternatives[0].content == "<p>Words</p>"


def test_the_code_of_a_sign_up_is_a_row_before_it_is_a_mail(
    client, outbox, run_jobs, mailoutbox
):
    answer = client.post(
        "/accounts/signup/",
        {
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "password1": "a sentence works well",
        },
    )
    assert answer.status_code == 302
    assert mailoutbox == []

    run_jobs()

    assert [message.to for message in mailoutbox] == [["ada@example.com"]]


def test_the_database_refuses_a_second_mail_of_one_kind_about_one_row():
    emails.order_confirmed(make_order())
    twin = Message.objects.get()
    twin.pk, twin.message_id = None, "<other@shop>"

    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def test_a_copy_is_written_by_somebody():
    emails.order_confirmed(make_order())
    copy = Message.objects.get()
    copy.pk, copy.message_id, copy.copy = None, "<other@shop>", 1

    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save(force_insert=True)


def test_a_mail_that_is_on_its_way_is_not_sent_again(run_jobs, mailoutbox):
    emails.order_confirmed(make_order())
    message = Message.objects.get()

    with pytest.raises(mail.NotSentAgain, match="on its way"):
        mail.send_again(message, 1, make_user())
    run_jobs()

    assert len(mailoutbox) == 1


def test_a_copy_of_a_copy_is_the_next_copy_of_the_first(run_jobs, mailoutbox):
    boss = make_user()
    emails.order_confirmed(make_order())
    run_jobs()
    first = Message.objects.get()
    copy = mail.send_again(first, 1, boss)
    run_jobs()
    copy.refresh_from_db()

    assert mail.send_again(copy, 2, boss).copy == 2
    with pytest.raises(mail.NotSentAgain):
        mail.send_again(first, 2, boss)
    emails.order_confirmed(make_order())
    run_jobs()

    assert [each.copy for each in Message.objects.order_by("pk")] == [0, 1, 2, 0]


# Mails whose job is gone


@pytest.fixture
def lost(time_machine):
    """A mail whose worker was killed on its last try, an hour and more ago."""
    emails.order_confirmed(make_order())
    now = timezone.now()
    DBTaskResult.objects.update(
        status=TaskResultStatus.RUNNING,
        started_at=now,
        worker_ids=["dead"] * jobs.DEFAULT_ATTEMPTS,
    )
    time_machine.move_to(now + mail.LOST_AFTER, tick=False)
    return Message.objects.get()


def test_a_mail_whose_worker_died_on_every_try_is_told_and_can_be_sent_again(
    lost, run_jobs, mailoutbox
):
    assert mail.give_up_lost() == 0, "it may still be on its way"
    jobs.reap()

    assert mail.give_up_lost() == 1
    assert mail.give_up_lost() == 0

    lost.refresh_from_db()
    assert lost.state == Message.State.FAILED
    assert lost.error == "The worker died on every try."
    mail.send_again(lost, mail.next_copy(lost), make_user())
    run_jobs()
    assert [message.to for message in mailoutbox] == [[lost.recipient]]


def test_a_mail_that_waits_for_its_turn_is_left_alone(time_machine):
    emails.order_confirmed(make_order())
    time_machine.move_to(timezone.now() + timedelta(days=2), tick=False)

    assert mail.give_up_lost() == 0
    assert Message.objects.get().state == Message.State.QUEUED


def test_the_worker_looks_for_lost_mails_by_itself(lost, run_jobs):
    jobs.reap()

    jobs.tick()
    run_jobs()

    lost.refresh_from_db()
    assert lost.state == Message.State.FAILED


def write_mail(row="row:1", state=Message.State.SENT, days=0, to="ben@example.com"):
    message = mail._store("told", row, to, "For Ben", "Dear Ben", "<p>Dear Ben</p>")
    at = timezone.now() - timedelta(days=days)
    sent_at = at if state == Message.State.SENT else None
    Message.objects.filter(pk=message.pk).update(
        state=state, created_at=at, sent_at=sent_at
    )
    return message


def test_what_a_mail_said_goes_after_half_a_year_and_that_it_was_sent_stays():
    old, young = write_mail("row:1", days=181), write_mail("row:2", days=179)

    assert mail.forget_old() == 1
    assert mail.forget_old() == 0

    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.recipient, old.subject, old.text, old.html) == ("", "", "", "")
    assert (old.state, old.subject_row) == (Message.State.SENT, "row:1")
    assert young.text == "Dear Ben"


def test_a_mail_that_waits_does_not_go_to_who_has_left(run_jobs, mailoutbox):
    write_mail(state=Message.State.QUEUED)

    mail.forget(Q(recipient__iexact="BEN@example.com"))
    run_jobs()

    assert mailoutbox == []
    assert not Message.objects.exists()
