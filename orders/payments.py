"""The only importer of `stripe`: start, close and refund a payment, verify events.

Three beats, never inside a transaction: the attempt is written and committed; Stripe is
asked with the attempt's own idempotency key; the answer is recorded in a second
transaction. A crash between two beats loses nothing, because repeating the middle one
returns the same session.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from urllib.parse import urlencode

import stripe
from django.conf import settings
from django.db import transaction

from orders import facts
from orders.models import Order, Payment, Refund

logger = logging.getLogger("tandem.payments")

# Else the library reports timings to Stripe and writes an id file into the home folder.
stripe.enable_telemetry = False

# Stripe takes at most 100 lines; delivery is one of them.
_MOST_LINES = 99


class PaymentUnavailable(Exception):
    """Stripe could not be asked, or refused. The order stands and can be paid later."""


class AlreadyPaid(Exception):
    """The session that was to be closed is paid: the race is lost, the order bought."""


class RefundRefused(Exception):
    """Stripe said no to a refund, for this reason. No money has moved."""


@cache
def client() -> stripe.StripeClient:
    """One client per process; its HTTP session is kept per thread."""
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        stripe_version=settings.STRIPE_API_VERSION,
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=(3, 10)),
    )


def start(order: Order) -> str:
    """The address of Stripe's page where this order is paid. Raises PaymentUnavailable.

    Called any number of times for one open attempt it returns the same page; when the
    last attempt was closed unpaid it opens the next one.
    """
    for _ in range(2):
        payment = _open_payment(order)
        if payment.session_url:
            return payment.session_url
        try:
            return _page_of(payment)
        except stripe.IdempotencyError:
            # Its first answer was lost, and it was asked for in other words then, such
            # as an older address of this shop. The next attempt has its own key.
            _close_unseen(payment)
    raise PaymentUnavailable(order.code)


def _page_of(payment):
    order = payment.order
    try:
        session = _session_of(payment)
        asked = session.amount_total, session.currency
        if asked != (payment.amount, payment.currency.lower()):
            # What the page promised and what Stripe would take differ: nobody pays it.
            client().v1.checkout.sessions.expire(session.id)
    except stripe.StripeError as error:
        _note_error(payment, error)
        if isinstance(error, stripe.IdempotencyError):
            raise
        if isinstance(error, stripe.InvalidRequestError):
            # Refused before anything ran, so no session has this key. An attempt that
            # could not reach Stripe for minutes asks for too short a life by now; the
            # next one asks afresh.
            _close_unseen(payment)
        raise PaymentUnavailable(order.code) from error
    if asked != (payment.amount, payment.currency.lower()):
        logger.error("order %s: session asks %s %s", order.code, *asked)
        Payment.objects.filter(pk=payment.pk).close()
        raise PaymentUnavailable(order.code)
    # A closed attempt gets no page any more: its order gave everything back meanwhile.
    lives = Payment.objects.exclude(status=Payment.Status.CLOSED).filter(pk=payment.pk)
    if not lives.update(session_id=session.id, session_url=session.url):
        _give_up(payment, session.id)
        raise PaymentUnavailable(order.code)
    return session.url


def close(order: Order) -> None:
    """Make sure the order's open attempt can no longer be paid.

    Raises AlreadyPaid when Stripe has taken the money first (its facts are recorded
    before), and PaymentUnavailable when Stripe cannot be asked; then nothing may be
    given back yet.
    """
    payment = order.payments.filter(status=Payment.Status.OPEN).first()
    if not payment:
        return
    try:
        session = _expired_session(payment)
    except stripe.StripeError as error:
        _note_error(payment, error)
        raise PaymentUnavailable(order.code) from error
    if session is None:
        _close_unseen(payment)
    elif session.status == "expired":
        Payment.objects.filter(pk=payment.pk).close()
    else:
        facts.record_session(session.to_dict())
        raise AlreadyPaid(order.code)


def refund(refund: Refund, *, again: bool = False) -> dict:
    """Ask Stripe for the card's part of a refund; what Stripe says about it.

    With `again` it is looked for first: an earlier answer may be lost. Raises
    RefundRefused, and PaymentUnavailable when nobody knows whether it was made.
    """
    refunds = client().v1.refunds
    intent = refund.payment.intent_id
    try:
        if again:
            made = refunds.list({"payment_intent": intent, "limit": 100})
            for one in made.auto_paging_iter():
                said = one.to_dict()
                if said["metadata"].get("refund") == refund.idempotency_key:
                    return said
        return refunds.create(
            {
                "payment_intent": intent,
                "amount": refund.amount_card,
                "metadata": {
                    "order": refund.order.code,
                    "refund": refund.idempotency_key,
                },
            },
            {"idempotency_key": refund.idempotency_key},
        ).to_dict()
    except stripe.StripeError as error:
        logger.error(
            "Stripe did not refund order %s: %s %s (%s)",
            refund.order.code,
            type(error).__name__,
            error.code,
            error.request_id,
        )
        if isinstance(error, (stripe.InvalidRequestError, stripe.CardError)):
            raise RefundRefused(error.user_message or error.code or "") from error
        raise PaymentUnavailable(refund.order.code) from error


def verified_event(body: bytes, signature: str) -> dict | None:
    """The event in a webhook's raw body, or None when none of our secrets signed it."""
    if not signature.isascii():  # compare_digest raises TypeError for it
        return None
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            return stripe.Webhook.construct_event(body, signature, secret).to_dict()
        except (ValueError, stripe.SignatureVerificationError):
            continue
    return None


def session_of(payment: Payment) -> dict:
    """The attempt's session as it is at Stripe now. Raises PaymentUnavailable."""
    try:
        found = client().v1.checkout.sessions.retrieve(payment.session_id)
    except stripe.StripeError as error:
        raise PaymentUnavailable(payment.idempotency_key) from error
    return found.to_dict()


def metadata_of(intent_id: str) -> dict[str, str]:
    """What a payment at Stripe says whose it is; empty for one that it does not know.

    Raises PaymentUnavailable.
    """
    try:
        found = client().v1.payment_intents.retrieve(intent_id)
    except stripe.InvalidRequestError:
        return {}
    except stripe.StripeError as error:
        raise PaymentUnavailable(intent_id) from error
    return found.to_dict()["metadata"] or {}


def events_since(moment: datetime) -> list[dict]:
    """What Stripe told its webhooks, or tried to, oldest first.

    Only types that are recorded. Raises PaymentUnavailable.
    """
    asked = {
        "created": {"gte": int(moment.timestamp())},
        "types": sorted(facts.EVENTS),
        "limit": 100,
    }
    return [event.to_dict() for event in _listed(client().v1.events, asked)][::-1]


def taken_since(moment: datetime) -> Iterator[dict]:
    """Every payment that Stripe took for an attempt of ours, newest first.

    Each has `id`, `created`, `amount_received` and, in `metadata`, the attempt's key.
    Raises PaymentUnavailable.
    """
    asked = {"created": {"gte": int(moment.timestamp())}, "limit": 100}
    for intent in _listed(client().v1.payment_intents, asked):
        intent = intent.to_dict()
        # The account may have other shops on it.
        if intent["amount_received"] and "payment" in (intent["metadata"] or {}):
            yield intent


def given_back_since(moment: datetime) -> Iterator[dict]:
    """Every refund there is at Stripe, newest first. Raises PaymentUnavailable."""
    asked = {"created": {"gte": int(moment.timestamp())}, "limit": 100}
    for refund in _listed(client().v1.refunds, asked):
        yield refund.to_dict()


def disputed_since(moment: datetime) -> Iterator[dict]:
    """Every dispute there is at Stripe, newest first. Raises PaymentUnavailable."""
    asked = {"created": {"gte": int(moment.timestamp())}, "limit": 100}
    for dispute in _listed(client().v1.disputes, asked):
        yield dispute.to_dict()


def _listed(service, asked):
    try:
        yield from service.list(asked).auto_paging_iter()
    except stripe.StripeError as error:
        raise PaymentUnavailable("Stripe's list could not be read") from error


def _open_payment(order):
    with transaction.atomic():
        order = Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        paid = order.payments.filter(status=Payment.Status.PAID)
        if order.status != Order.Status.PENDING or order.held_at or paid.exists():
            raise PaymentUnavailable(order.code)
        return Payment.objects.open_for(order)


def _close_unseen(payment):
    """Close an attempt to whose page nobody was sent; another press may just have."""
    Payment.objects.filter(pk=payment.pk, session_id=None).close()


def _give_up(payment, session_id):
    """Close a page that nobody was sent to; if that fails it ends by its own time."""
    try:
        client().v1.checkout.sessions.expire(session_id)
    except stripe.StripeError as error:
        _note_error(payment, error)


def _session_of(payment):
    """Create the attempt's session, or get the one that a lost answer created."""
    return client().v1.checkout.sessions.create(
        _parameters(payment), {"idempotency_key": payment.idempotency_key}
    )


def _expired_session(payment):
    sessions = client().v1.checkout.sessions
    session_id = payment.session_id
    if not session_id:
        try:
            # The answer to our first call may be lost: the same key finds its session.
            session_id = _session_of(payment).id
        except stripe.InvalidRequestError:
            return None  # Stripe has none, and makes none with these figures now
        except stripe.IdempotencyError:
            return None  # Stripe has one made of other words: nobody knows its address
    try:
        return sessions.expire(session_id)
    except stripe.InvalidRequestError:
        return sessions.retrieve(session_id)  # complete or expired already: which one?


def _parameters(payment):
    """What we ask of Stripe: of stored figures only, so that a retry repeats it."""
    order = payment.order
    name = {"order": order.code, "payment": payment.idempotency_key}
    # The token always: a guest's order may belong to an account by the time of a retry,
    # and of a member's order the token alone opens nothing.
    back = {"order": order.code, "t": order.access_token}
    return {
        "mode": "payment",
        # Cards only: a method whose money comes days later would outlive the order.
        "allowed_payment_method_types": ["card"],
        "client_reference_id": order.code,
        "customer_email": order.email,
        "metadata": name,
        "payment_intent_data": {"metadata": name},
        "line_items": _line_items(order),
        "expires_at": int(payment.session_expires_at.timestamp()),
        "success_url": f"{settings.SITE_URL}/checkout/return/?{urlencode(back)}",
        "cancel_url": f"{settings.SITE_URL}/checkout/",
        "adaptive_pricing": {"enabled": False},
    }


def _line_items(order):
    lines = list(order.lines.all())
    # Negative lines do not exist and a credit cannot be spread exactly over unit
    # prices, so as soon as anything is taken off, Stripe is asked for the one amount
    # that is due.
    if (
        order.amount_due != order.amount_total
        or order.amount_discount
        or len(lines) > _MOST_LINES
    ):
        return [
            _item(order.currency, f"Order {order.code}, balance due", order.amount_due)
        ]
    items = [
        _item(order.currency, _line_name(line), line.amount_unit, line.quantity)
        for line in lines
    ]
    if order.amount_shipping:
        items.append(
            _item(
                order.currency,
                f"Delivery: {order.shipping_name}",
                order.amount_shipping,
            )
        )
    if order.amount_tax:
        items.append(_item(order.currency, "Tax", order.amount_tax))
    return items


def _item(currency, name, amount, quantity=1):
    return {
        "quantity": quantity,
        "price_data": {
            "currency": currency.lower(),
            "unit_amount": amount,
            "product_data": {"name": name},
        },
    }


def _line_name(line):
    return (
        f"{line.product_name} ({line.variant_name})"
        if line.variant_name
        else line.product_name
    )


def _note_error(payment, error):
    logger.error(
        "Stripe refused for order %s: %s %s (%s)",
        payment.order.code,
        type(error).__name__,
        error.code,
        error.request_id,
    )
    Payment.objects.filter(pk=payment.pk).update(last_error=type(error).__name__)
