"""Who listens to whom: sign-ups and logins of allauth, the facts of orders."""

import logging

from allauth.account import signals as account_signals
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.signals import post_save

from catalog.signals import product_viewed
from orders.models import Order
from orders.signals import (
    balance_spent,
    checkout_started,
    line_added,
    order_facts_changed,
    order_placed,
)
from referrals import (
    activities,
    attributions,
    devices,
    invitations,
    jobs,
    risk,
    signals,
    terms,
    visits,
)
from referrals.models import Attribution, Campaign, OrderTouch, Terms
from shop.kit import mail

logger = logging.getLogger("tandem.referrals")


def connect():
    listen = [
        (account_signals.user_signed_up, attributions.on_signed_up, {}),
        # After the attribution, whose visit it looks at.
        (account_signals.user_signed_up, on_joined, {}),
        (account_signals.user_signed_up, on_new_account, {}),
        (account_signals.email_confirmed, attributions.on_email_confirmed, {}),
        (user_logged_in, attributions.on_logged_in, {}),
        (user_logged_in, on_browser_used, {}),
        (order_facts_changed, on_order_facts_changed, {}),
        (balance_spent, on_balance_spent, {}),
        (product_viewed, on_product_viewed, {}),
        (line_added, on_line_added, {}),
        (checkout_started, on_checkout_started, {}),
        (order_placed, on_order_placed, {}),
        (mail.delivered, invitations.on_delivered, {}),
        (post_save, on_terms_saved, {"sender": Terms}),
        (post_save, on_campaign_saved, {"sender": Campaign}),
    ]
    for signal, receiver, options in listen:
        signal.connect(
            receiver, dispatch_uid=f"referrals.{receiver.__name__}", **options
        )


def on_order_facts_changed(sender, order_id, **kwargs):
    brought = Attribution.objects.filter(invitee=OuterRef("user"))
    paid = OrderTouch.objects.filter(
        order=OuterRef("pk"), visitor__isnull=False, order__confirmed_at__isnull=False
    )
    order = Order.objects.annotate(is_brought=Exists(brought), is_paid=Exists(paid))
    for is_brought, is_paid in order.filter(pk=order_id).values_list(
        "is_brought", "is_paid"
    ):
        if is_brought:
            jobs.settle.enqueue(order_id)
        if is_paid:
            jobs.note_payment.enqueue(order_id)


def on_balance_spent(sender, order_id, **kwargs):
    order = Order.objects.get(pk=order_id)
    signals.credit_spent.tell(
        order_id,
        order_id=order_id,
        user_id=order.user_id,
        amount=order.amount_balance,
    )


def on_joined(sender, request, user, **kwargs):
    # allauth does not shield its signals: nobody may lose an account over this.
    try:
        with transaction.atomic():
            visits.doubt_lone_hit(request, user)
            activities.note(request, activities.Step.SIGNED_UP)
    except Exception:
        logger.exception("the visit of a new account was not looked at")


def on_browser_used(sender, request, user, **kwargs):
    devices.quietly_note(request, user)


def on_new_account(sender, request, user, **kwargs):
    # The browser that an account was opened on is its owner's.
    devices.quietly_note(request, user, trusted=True)
    try:
        risk.look_at_newcomer(user)
    except Exception:
        logger.exception("a new account was not looked at")


def on_product_viewed(sender, request, product_id, **kwargs):
    activities.note(request, activities.Step.VIEWED_PRODUCT, f"product:{product_id}")


def on_line_added(sender, request, sku, **kwargs):
    activities.note(request, activities.Step.ADDED_TO_CART, f"variant:{sku}")


def on_checkout_started(sender, request, **kwargs):
    activities.note(request, activities.Step.STARTED_CHECKOUT)


def on_order_placed(sender, request, order_id, **kwargs):
    if activities.touch_order(request, order_id):
        # What balance pays for in full was paid before we were told.
        jobs.note_payment.enqueue(order_id)


def on_terms_saved(sender, instance, **kwargs):
    terms.forget(instance.campaign_id, [instance.currency])


def on_campaign_saved(sender, instance, **kwargs):
    terms.forget(instance.pk)
