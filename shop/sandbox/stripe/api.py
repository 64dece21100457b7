"""One API call: who asks, is it well-formed, has it been answered, then run it."""

from typing import Any
from urllib.parse import urlsplit

from shop.sandbox.config import API_VERSION, Config

from . import (
    clock,
    deliveries,
    endpoints,
    expansion,
    faults,
    idempotency,
    params,
    replies,
    store,
)
from .errors import ApiError, invalid, not_modelled
from .replies import Reply


def call(
    config: Config, method: str, target: str, headers: dict[str, str], body: bytes
) -> Reply:
    """Answer one request; header names in lower case. Never raises ApiError.

    Raises faults.ConnectionLost when the sandbox was told to give no answer.
    """
    request_id = store.new_id("req")
    try:
        _check_key(config, headers.get("authorization", ""))
        _check_version(headers.get("stripe-version", API_VERSION))
        reply = _answer(config, method, target, headers, body, request_id)
    except ApiError as error:
        reply = _refusal(error, request_id)
    reply.headers["Request-Id"] = request_id
    reply.headers["Stripe-Version"] = API_VERSION
    return reply


def _check_key(config: Config, authorization: str) -> None:
    key = authorization.removeprefix("Bearer ").strip()
    if not key:
        raise ApiError(401, "You did not provide an API key.")
    if not key.startswith(config.api_key_prefix):
        # The start of a key tells its kind; the rest is a secret.
        raise ApiError(
            401,
            f"Invalid API Key provided: {key[:8]}****. The sandbox accepts only keys "
            f"that begin with {config.api_key_prefix}",
        )


def _check_version(version: str) -> None:
    if version != API_VERSION:
        raise invalid(
            f"Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION}."
        )


def _answer(config, method, target, headers, body, request_id) -> Reply:
    url = urlsplit(target)
    found = endpoints.find(method, url.path)
    if not found:
        raise not_modelled(f"{method} {url.path}")
    endpoint, object_id = found
    given = params.decode(
        body.decode(errors="replace") if method == "POST" else url.query
    )
    if "payment_method_types" in given and url.path == endpoints.SESSIONS:
        raise invalid(
            "Received unknown parameter: payment_method_types. It was removed in API "
            "version 2026-09-30.endive; use allowed_payment_method_types.",
            "payment_method_types",
            "parameter_unknown",
        )
    checked = params.check(endpoint.params_class, given)
    with store.transaction(config) as tx:
        fault = faults.take_answer(tx)
    if fault and fault.status == faults.TIMEOUT:
        raise faults.ConnectionLost(fault.seconds)
    if fault and not fault.stored:
        raise fault.error()
    key = headers.get("idempotency-key") if method == "POST" else None
    if key:
        mark = idempotency.fingerprint(method, url.path, given)
        stored = idempotency.begin(config, key, mark)
        if stored:
            return replies.as_json(*stored, {"Idempotent-Replayed": "true"})
    reply = _execute(config, endpoint, checked, object_id, key, request_id, fault)
    if method != "GET":
        with store.transaction(config) as tx:
            if faults.take_drop(tx):
                raise faults.ConnectionLost
    return reply


def _execute(
    config, endpoint, checked: dict[str, Any], object_id, key, request_id, fault
) -> Reply:
    try:
        with store.transaction(
            config, request_id=request_id, idempotency_key=key
        ) as tx:
            clock.sweep(tx)
            if fault:
                raise fault.error()
            answer = endpoint.run(tx, checked, object_id)
            answer = expansion.expand(tx, answer, checked.get("expand", []))
            text = replies.dumps(answer)
            if key:
                idempotency.keep(tx, key, 200, text)
    except ApiError as error:
        if key and error.executed:
            with store.transaction(config) as tx:
                text = replies.dumps(error.body(request_id))
                idempotency.keep(tx, key, error.status, text)
        elif key:
            idempotency.release(config, key)
        raise
    deliveries.wake(config)
    return replies.as_json(200, text)


def _refusal(error: ApiError, request_id: str) -> Reply:
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="Stripe"'
    if error.status == 501:
        # A missing endpoint will not appear if one asks again.
        headers["Stripe-Should-Retry"] = "false"
    text = replies.dumps(error.body(request_id))
    return replies.as_json(error.status, text, headers)
