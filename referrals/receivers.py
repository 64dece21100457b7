"""Who listens to whom: sign-ups and logins of allauth, the facts of orders."""

from allauth.account import signals as account_signals
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_save

from orders.signals import order_facts_changed
from referrals import attributions, jobs, terms
from referrals.models import Attribution, Campaign, Terms


def connect():
    listen = [
        (account_signals.user_signed_up, attributions.on_signed_up, {}),
        (account_signals.email_confirmed, attributions.on_email_confirmed, {}),
        (user_logged_in, attributions.on_logged_in, {}),
        (order_facts_changed, on_order_facts_changed, {}),
        (post_save, on_terms_saved, {"sender": Terms}),
        (post_save, on_campaign_saved, {"sender": Campaign}),
    ]
    for signal, receiver, options in listen:
        signal.connect(
            receiver, dispatch_uid=f"referrals.{receiver.__name__}", **options
        )


def on_order_facts_changed(sender, order_id, **kwargs):
    if Attribution.objects.filter(invitee__orders=order_id).exists():
        jobs.settle.enqueue(order_id)


def on_terms_saved(sender, instance, **kwargs):
    terms.forget(instance.campaign_id, [instance.currency])


def on_campaign_saved(sender, instance, **kwargs):
    terms.forget(instance.pk)
