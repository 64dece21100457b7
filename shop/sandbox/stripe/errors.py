"""Refusals in Stripe's own error format."""

from typing import Any


class ApiError(Exception):
    """One refused API call, carrying the JSON that Stripe would answer.

    `executed` says whether work had begun: only then is the answer kept under the
    idempotency key, so a corrected request may reuse a key that failed validation.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = False,
    ):
        super().__init__(message)
        self.status = status
        self.executed = executed
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code}"
        if param:
            self.error["param"] = param

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON body, with the log address that names the request."""
        link = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": {**self.error, "request_log_url": link}}


def invalid(message: str, param: str | None = None, code: str | None = None):
    """A parameter that fails before anything runs: 400, not stored."""
    return ApiError(400, message, code=code, param=param)


def refused(message: str, param: str | None = None, code: str | None = None):
    """A well-formed request that the present state forbids: 400, stored."""
    return ApiError(400, message, code=code, param=param, executed=True)


def missing(noun: str, object_id: str, param: str = "id"):
    """No such object: 404, naming the parameter that asked for it."""
    return ApiError(
        404, f"No such {noun}: '{object_id}'", code="resource_missing", param=param
    )


def not_modelled(what: str, param: str | None = None):
    """Real at Stripe, absent here. Loud, so nobody mistakes silence for success."""
    return ApiError(
        501 if param is None else 400,
        f"{what} is not modelled by the sandbox.",
        code="sandbox_not_modelled",
        param=param,
    )
