"""Outgoing mail as rows: written in the transaction that causes it, sent by the worker.

A roll-back takes the mail with it; a mail server that is down cannot break an order.
Each mail has one row, unique by kind and by the row it is about, and one Message-ID for
every try, so that a repeat after a crash can be recognised by the reader's program.
"""

import secrets

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone

from shop.kit import jobs
from shop.kit.models import Message


def write(
    kind: str, subject_row: str, to: str, template: str, context: dict
) -> Message | None:
    """Write a mail from `emails/<template>` .subject.txt, .txt and .html; enqueue it.

    Safe to repeat: the second mail of one kind about one row is not written and None
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
    return _store(kind, subject_row, to, " ".join(subject.split()), text, html)


def _store(kind, subject_row, to, subject, text, html=""):
    host = settings.SITE_URL.split("://")[-1].split(":")[0]
    message = Message(
        kind=kind,
        subject_row=subject_row,
        message_id=f"<{secrets.token_hex(16)}@{host}>",
        recipient=to,
        subject=subject[:250],
        text=text,
        html=html,
    )
    try:
        with transaction.atomic():
            message.save(force_insert=True)
            deliver.enqueue(message.pk)
    except IntegrityError:
        if not Message.objects.filter(kind=kind, subject_row=subject_row).exists():
            raise
        return None
    return message


@jobs.job(queue="mail")
def deliver(message_pk: int) -> None:
    """Send one mail, at least once: a crash between sending and the note repeats it."""
    message = Message.objects.get(pk=message_pk)
    if message.state == Message.State.SENT:
        return
    mail = EmailMultiAlternatives(
        message.subject,
        message.text,
        settings.DEFAULT_FROM_EMAIL,
        [message.recipient],
        reply_to=[settings.REPLY_TO_EMAIL] if settings.REPLY_TO_EMAIL else None,
        headers={"Message-ID": message.message_id},
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
                    "account", secrets.token_hex(16), to, mail.subject, mail.body, html
                )
        return len(email_messages)
