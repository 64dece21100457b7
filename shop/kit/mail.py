"""Outgoing mail as rows: written in the transaction that causes it, sent by the worker.

A roll-back takes the mail with it; a mail server that is down cannot break an order.
Each mail has one row, unique by kind and by the row it is about, and one Message-ID for
every try, so that a repeat after a crash can be recognised by the reader's program.
What staff send again is a new row with a number and an id of its own: the reader's
program would hide a second mail under the first one's id.
"""

import logging
import re
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.dispatch import Signal
from django.template.loader import render_to_string
from django.utils import timezone
from django_tasks import TaskResultStatus

from shop.kit import jobs
from shop.kit.models import Message

logger = logging.getLogger("tandem.mail")

# By then a mail that nobody is about to send has lost its job.
LOST_AFTER = timedelta(hours=1)

# Who got a mail and what it said is kept for so long: to answer a question about it.
WORDS_KEPT = timedelta(days=180)
_FORGOTTEN = {
    **dict.fromkeys(["recipient", "subject", "text", "html", "error"], ""),
    "unsubscribe_url": "",
}

# Staff had a mail sent again. Told within the transaction, with `message` and `actor`.
sent_again = Signal()

# A mail has left. Told after the fact, with `message`; a sweep finds who missed it.
delivered = Signal()

# In the address of a link: a guest's key to an order, not a word like `page=2`.
_KEY = re.compile(r"([?&;]\w+=)[\w-]{20,}")


class NotSentAgain(Exception):
    """This mail cannot be sent again now; the message is for a person."""


def write(
    kind: str,
    subject_row: str,
    to: str,
    template: str,
    context: dict,
    *,
    reference: str = "",
    unsubscribe_url: str = "",
) -> Message | None:
    """Write a mail from `emails/<template>` .subject.txt, .txt and .html; enqueue it.

    `reference` is the code of the order it is about, if any. A POST to
    `unsubscribe_url` ends mails of this kind; mail programs show a button for it. Safe
    to repeat: the second mail of one kind about one row is not written and None
    returned.
    """
    context = {
        "site_url": settings.SITE_URL,
        "shop_name": settings.SHOP_NAME,
        **context,
    }
    subject = render_to_string(f"emails/{template}.subject.txt", context)
    text = render_to_string(f"emails/{template}.txt", context)
    html = render_to_string(f"emails/{template}.html", context)
    subject = " ".join(subject.split())
    return _store(
        kind,
        subject_row,
        to,
        subject,
        text,
        html,
        reference=reference,
        unsubscribe_url=unsubscribe_url,
    )


def next_copy(message: Message) -> int:
    """The number that this mail would have, sent once more."""
    return _twins(message).aggregate(last=Max("copy"))["last"] + 1


def send_again(message: Message, number: int, actor) -> Message:
    """Send the same words to the same address once more.

    What never left is tried again; of what did, copy `number` is written, as the page
    that asked has shown it: pressed twice, it is sent once. Raises NotSentAgain.
    """
    if message.is_secret:
        raise NotSentAgain("Its code is for one person and one moment. Ask for a new.")
    if not message.recipient:
        raise NotSentAgain("Whom it went to is forgotten.")
    with transaction.atomic():
        if number != next_copy(message):
            raise NotSentAgain("Somebody has just sent it again.")
        if _twins(message).filter(state=Message.State.QUEUED).exists():
            raise NotSentAgain("It is on its way already.")
        if message.state == Message.State.FAILED:
            failed = Message.objects.filter(pk=message.pk, state=Message.State.FAILED)
            if not failed.update(state=Message.State.QUEUED):
                raise NotSentAgain("It is on its way already.")
            deliver.enqueue(message.pk)
        else:
            message = _copy(message, number, actor)
        sent_again.send(sender=Message, message=message, actor=actor)
    return message


def forget(which: Q) -> int:
    """Erase whom these mails went to and what they said; how many. Safe to repeat.

    That they were written and sent stays. What has not left yet never will.
    """
    found = Message.objects.filter(which)
    found.filter(state=Message.State.QUEUED).delete()
    return found.update(**_FORGOTTEN)


def forget_old(now: datetime | None = None) -> int:
    """The same for what left, or failed, long ago; in pieces, for there are many."""
    before = (now or timezone.now()) - WORDS_KEPT
    old = Message.objects.filter(created_at__lt=before).exclude(text="")
    count = 0
    while piece := list(old.order_by("created_at").values_list("pk", flat=True)[:1000]):
        count += forget(Q(pk__in=piece))
    return count


@jobs.every("old-mail", hours=24)
@jobs.job()
def forget_old_mail() -> None:
    forget_old()


def without_keys(words: str) -> str:
    """A mail as staff may read it: a key in a link lets its holder act as the buyer."""
    return _KEY.sub(r"\1…", words)


def _twins(message):
    return Message.objects.filter(kind=message.kind, subject_row=message.subject_row)


def _copy(message, number, actor):
    copy = Message(
        kind=message.kind,
        subject_row=message.subject_row,
        copy=number,
        reference=message.reference,
        asked_by=actor,
        message_id=_new_id(),
        recipient=message.recipient,
        unsubscribe_url=message.unsubscribe_url,
        subject=message.subject,
        text=message.text,
        html=message.html,
    )
    try:
        with transaction.atomic():
            copy.save(force_insert=True)
    except IntegrityError as error:
        raise NotSentAgain("Somebody has just sent it again.") from error
    deliver.enqueue(copy.pk)
    return copy


def _headers(message):
    headers = {"Message-ID": message.message_id}
    if message.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _new_id():
    host = settings.SITE_URL.split("://")[-1].split(":")[0]
    return f"<{secrets.token_hex(16)}@{host}>"


def _store(kind, subject_row, to, subject, text, html="", **fields):
    message = Message(
        kind=kind,
        subject_row=subject_row,
        message_id=_new_id(),
        recipient=to,
        subject=subject[:250],
        text=text,
        html=html,
        **fields,
    )
    try:
        with transaction.atomic():
            message.save(force_insert=True)
            deliver.enqueue(message.pk)
    except IntegrityError:
        if not _twins(message).exists():
            raise
        return None
    return message


@jobs.job(queue="mail")
def deliver(message_pk: int) -> None:
    """Send one mail, at least once: a crash between sending and the note repeats it."""
    message = Message.objects.filter(pk=message_pk).first()
    # It is sent already, or its reader has left.
    if message is None or message.state == Message.State.SENT:
        return
    mail = EmailMultiAlternatives(
        message.subject,
        message.text,
        settings.DEFAULT_FROM_EMAIL,
        [message.recipient],
        reply_to=[settings.REPLY_TO_EMAIL] if settings.REPLY_TO_EMAIL else None,
        headers=_headers(message),
        connection=get_connection(settings.MAIL_TRANSPORT),
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    message.attempts += 1
    try:
        mail.send()
    except Exception as error:
        message.state, message.error = (
            Message.State.FAILED,
            f"{type(error).__name__}: {error}",
        )
        message.save(update_fields=["state", "error", "attempts"])
        raise  # the job is tried again
    message.state, message.error, message.sent_at = (
        Message.State.SENT,
        "",
        timezone.now(),
    )
    message.save(update_fields=["state", "error", "attempts", "sent_at"])
    delivered.send_robust(sender=Message, message=message)


def give_up_lost() -> int:
    """Mark queued mails that no job will send any more as failed; how many.

    The worker died on every try, so nobody could note it: now staff see it, and can
    send it again. One that is tried all the same is sent.
    """
    from django_tasks_db.models import DBTaskResult

    queued = Message.objects.filter(
        state=Message.State.QUEUED, created_at__lte=timezone.now() - LOST_AFTER
    )
    waiting = set(queued.values_list("pk", flat=True))
    if not waiting:
        return 0
    alive = DBTaskResult.objects.filter(
        task_path=deliver.module_path,
        status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING],
    )
    for call in alive.values_list("args_kwargs", flat=True).iterator():
        waiting.discard(call["args"][0])
    # One statement per mail, for the mail may have been sent since.
    lost = [
        pk
        for pk in sorted(waiting)
        if queued.filter(pk=pk).update(
            state=Message.State.FAILED, error="The worker died on every try."
        )
    ]
    for pk in lost:
        logger.error("mail %s is not sent: its job is gone", pk)
    return len(lost)


@jobs.every("lost-mail", hours=1)
@jobs.job(attempts=1)
def give_up_lost_mail() -> None:
    give_up_lost()


class Outbox(BaseEmailBackend):
    """Django's EMAIL_BACKEND: what other packages send goes the same way."""

    def send_messages(self, email_messages):
        for mail in email_messages:
            html = next(
                (
                    a[0]
                    for a in getattr(mail, "alternatives", [])
                    if a[1] == "text/html"
                ),
                "",
            )
            for to in mail.recipients():
                _store(
                    Message.ACCOUNT,
                    secrets.token_hex(16),
                    to,
                    mail.subject,
                    mail.body,
                    html,
                )
        return len(email_messages)
