"""What orders hear from below: somebody signed in, so their guest cart follows them."""

from allauth.account.signals import user_logged_in
from django.contrib import messages

from orders import carts


def connect():
    # Jobs register themselves when their room is imported.
    from orders import expiry, reconciler, refunds, webhooks  # noqa: F401

    user_logged_in.connect(bring_cart, dispatch_uid="orders.bring_cart")


def bring_cart(sender, request, user, **kwargs):
    guest = carts.guest_cart(request)
    if not guest:
        return
    for sentence in carts.merge(guest, user):
        messages.warning(request, sentence)
