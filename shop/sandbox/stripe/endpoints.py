"""The modelled part of Stripe's API: which call checks what and runs what."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import stripe.params as single
import stripe.params.checkout as checkout
import stripe.params.radar as radar

from . import (
    coupons,
    customers,
    disputes,
    events,
    lists,
    refunds,
    sessions,
    store,
    webhook_endpoints,
)
from .errors import missing
from .store import Tx

Params = dict[str, Any]
Run = Callable[[Tx, Params, str], dict[str, Any]]


@dataclass(frozen=True)
class Endpoint:
    """`run(tx, params, object_id)` answers; `params_class` is the package's type."""

    params_class: type
    run: Run


def _retrieve(kind: str, param: str) -> Run:
    def run(tx: Tx, params: Params, object_id: str) -> dict[str, Any]:
        found = store.get(tx, kind, object_id)
        if not found:
            raise missing(kind, object_id, param)
        return found

    return run


def _list(kind: str, url: str, *filters: str) -> Run:
    return lambda tx, params, _: lists.objects(
        tx, kind, url, params, frozenset(filters)
    )


def _delete(kind: str) -> Run:
    def run(tx: Tx, params: Params, object_id: str) -> dict[str, Any]:
        if not store.get(tx, kind, object_id):
            raise missing(kind, object_id, kind)
        store.delete(tx, object_id)
        return {"id": object_id, "object": kind, "deleted": True}

    return run


def _event(tx: Tx, params: Params, event_id: str) -> dict[str, Any]:
    event = events.load(tx, event_id)
    if not event:
        raise missing("event", event_id)
    return event


def _line_items(tx: Tx, params: Params, session_id: str) -> dict[str, Any]:
    sessions.load(tx, session_id)
    url = f"/v1/checkout/sessions/{session_id}/line_items"
    return lists.page(sessions.lines_of(tx, session_id), url, params)


SESSIONS = "/v1/checkout/sessions"
TABLE: dict[tuple[str, str], Endpoint] = {
    ("POST", SESSIONS): Endpoint(
        checkout.SessionCreateParams,
        lambda tx, params, _: sessions.create(tx, params),
    ),
    ("GET", SESSIONS): Endpoint(
        checkout.SessionListParams,
        _list(sessions.KIND, SESSIONS, "customer", "payment_intent", "status"),
    ),
    ("GET", SESSIONS + "/{id}"): Endpoint(
        checkout.SessionRetrieveParams, lambda tx, _, id_: sessions.load(tx, id_)
    ),
    ("POST", SESSIONS + "/{id}"): Endpoint(
        checkout.SessionUpdateParams,
        lambda tx, params, id_: sessions.update(tx, id_, params),
    ),
    ("POST", SESSIONS + "/{id}/expire"): Endpoint(
        checkout.SessionExpireParams, lambda tx, _, id_: sessions.expire(tx, id_)
    ),
    ("GET", SESSIONS + "/{id}/line_items"): Endpoint(
        checkout.SessionListLineItemsParams, _line_items
    ),
    ("GET", "/v1/payment_intents"): Endpoint(
        single.PaymentIntentListParams,
        _list("payment_intent", "/v1/payment_intents", "customer"),
    ),
    ("GET", "/v1/payment_intents/{id}"): Endpoint(
        single.PaymentIntentRetrieveParams, _retrieve("payment_intent", "intent")
    ),
    ("GET", "/v1/charges"): Endpoint(
        single.ChargeListParams,
        _list("charge", "/v1/charges", "customer", "payment_intent"),
    ),
    ("GET", "/v1/charges/{id}"): Endpoint(
        single.ChargeRetrieveParams, _retrieve("charge", "charge")
    ),
    ("POST", "/v1/refunds"): Endpoint(
        single.RefundCreateParams, lambda tx, params, _: refunds.create(tx, params)
    ),
    ("GET", "/v1/refunds"): Endpoint(
        single.RefundListParams,
        _list("refund", "/v1/refunds", "charge", "payment_intent"),
    ),
    ("GET", "/v1/refunds/{id}"): Endpoint(
        single.RefundRetrieveParams, _retrieve("refund", "refund")
    ),
    ("POST", "/v1/refunds/{id}"): Endpoint(
        single.RefundUpdateParams,
        lambda tx, params, id_: refunds.update(tx, id_, params),
    ),
    ("POST", "/v1/refunds/{id}/cancel"): Endpoint(
        single.RefundCancelParams, lambda tx, _, id_: refunds.cancel(tx, id_)
    ),
    ("GET", "/v1/disputes"): Endpoint(
        single.DisputeListParams,
        _list("dispute", "/v1/disputes", "charge", "payment_intent"),
    ),
    ("GET", "/v1/disputes/{id}"): Endpoint(
        single.DisputeRetrieveParams, lambda tx, _, id_: disputes.load(tx, id_)
    ),
    ("POST", "/v1/disputes/{id}"): Endpoint(
        single.DisputeUpdateParams,
        lambda tx, params, id_: disputes.update(tx, id_, params),
    ),
    ("POST", "/v1/disputes/{id}/close"): Endpoint(
        single.DisputeCloseParams, lambda tx, _, id_: disputes.close(tx, id_)
    ),
    ("GET", "/v1/radar/early_fraud_warnings"): Endpoint(
        radar.EarlyFraudWarningListParams,
        _list(
            "radar.early_fraud_warning",
            "/v1/radar/early_fraud_warnings",
            *("charge", "payment_intent"),
        ),
    ),
    ("GET", "/v1/radar/early_fraud_warnings/{id}"): Endpoint(
        radar.EarlyFraudWarningRetrieveParams,
        _retrieve("radar.early_fraud_warning", "early_fraud_warning"),
    ),
    ("GET", "/v1/balance_transactions"): Endpoint(
        single.BalanceTransactionListParams,
        _list(
            "balance_transaction",
            "/v1/balance_transactions",
            *("currency", "source", "type"),
        ),
    ),
    ("GET", "/v1/balance_transactions/{id}"): Endpoint(
        single.BalanceTransactionRetrieveParams,
        _retrieve("balance_transaction", "id"),
    ),
    ("POST", "/v1/coupons"): Endpoint(
        single.CouponCreateParams, lambda tx, params, _: coupons.create(tx, params)
    ),
    ("GET", "/v1/coupons"): Endpoint(
        single.CouponListParams, _list("coupon", "/v1/coupons")
    ),
    ("GET", "/v1/coupons/{id}"): Endpoint(
        single.CouponRetrieveParams, lambda tx, _, id_: coupons.load(tx, id_)
    ),
    ("POST", "/v1/coupons/{id}"): Endpoint(
        single.CouponUpdateParams,
        lambda tx, params, id_: coupons.update(tx, id_, params),
    ),
    ("DELETE", "/v1/coupons/{id}"): Endpoint(
        single.CouponDeleteParams, _delete("coupon")
    ),
    ("POST", "/v1/promotion_codes"): Endpoint(
        single.PromotionCodeCreateParams,
        lambda tx, params, _: coupons.create_code(tx, params),
    ),
    ("GET", "/v1/promotion_codes"): Endpoint(
        single.PromotionCodeListParams,
        _list("promotion_code", "/v1/promotion_codes", "active", "code"),
    ),
    ("GET", "/v1/promotion_codes/{id}"): Endpoint(
        single.PromotionCodeRetrieveParams,
        _retrieve("promotion_code", "promotion_code"),
    ),
    ("POST", "/v1/promotion_codes/{id}"): Endpoint(
        single.PromotionCodeUpdateParams,
        lambda tx, params, id_: coupons.update_code(tx, id_, params),
    ),
    ("POST", "/v1/customers"): Endpoint(
        single.CustomerCreateParams, lambda tx, params, _: customers.create(tx, params)
    ),
    ("GET", "/v1/customers"): Endpoint(
        single.CustomerListParams, _list("customer", "/v1/customers", "email")
    ),
    ("GET", "/v1/customers/{id}"): Endpoint(
        single.CustomerRetrieveParams, lambda tx, _, id_: customers.load(tx, id_)
    ),
    ("POST", "/v1/customers/{id}"): Endpoint(
        single.CustomerUpdateParams,
        lambda tx, params, id_: customers.update(tx, id_, params),
    ),
    ("POST", "/v1/webhook_endpoints"): Endpoint(
        single.WebhookEndpointCreateParams,
        lambda tx, params, _: webhook_endpoints.create(tx, params),
    ),
    ("GET", "/v1/webhook_endpoints"): Endpoint(
        single.WebhookEndpointListParams,
        _list("webhook_endpoint", "/v1/webhook_endpoints"),
    ),
    ("GET", "/v1/webhook_endpoints/{id}"): Endpoint(
        single.WebhookEndpointRetrieveParams,
        _retrieve("webhook_endpoint", "webhook_endpoint"),
    ),
    ("DELETE", "/v1/webhook_endpoints/{id}"): Endpoint(
        single.WebhookEndpointDeleteParams, _delete("webhook_endpoint")
    ),
    ("GET", "/v1/events"): Endpoint(
        single.EventListParams,
        lambda tx, params, _: lists.happenings(tx, "/v1/events", params),
    ),
    ("GET", "/v1/events/{id}"): Endpoint(single.EventRetrieveParams, _event),
}


def find(method: str, path: str) -> tuple[Endpoint, str] | None:
    """The endpoint for a call and the object id in its path, or None."""
    for (verb, pattern), endpoint in TABLE.items():
        match = re.fullmatch(pattern.replace("{id}", "([^/]+)"), path)
        if verb == method and match:
            return endpoint, match[1] if match.lastindex else ""
    return None
