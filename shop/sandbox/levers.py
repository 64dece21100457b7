"""What a test may pull at Stripe: time, and what banks and customers do later."""

from typing import Any, Protocol

from .config import Config
from .stripe import aftermath, clock, disputes, refunds, store


class HasConfig(Protocol):
    """A `MemoryStripe`; its configuration may change while it is serving."""

    config: Config


class Lever:
    """Something that happens at Stripe, in one transaction of the sandbox."""

    def __init__(self, stripe: HasConfig):
        self.stripe = stripe

    def _do(self, verb, *args, **named) -> dict[str, Any]:
        with store.transaction(self.stripe.config) as tx:
            return verb(tx, *args, **named)


class Clock(Lever):
    """Stripe's clock. The shop's own stands still, unless time-machine moves both."""

    def advance(self, seconds: int) -> None:
        """Age what exists: sessions expire, slow refunds arrive, debits settle."""
        clock.advance(self.stripe.config, seconds)


class Refunds(Lever):
    """What becomes of a refund, by its `re_` id; each answers the refund.

    All raise ApiError when the refund has already ended otherwise.
    """

    def succeed(self, refund_id: str) -> dict[str, Any]:
        """A refund that was `pending` (card …7726) arrives."""
        return self._do(refunds.succeed, refund_id)

    def fail(
        self, refund_id: str, reason: str = "expired_or_canceled_card"
    ) -> dict[str, Any]:
        """The money comes back to the shop, even after the refund succeeded."""
        return self._do(refunds.fail, refund_id, reason)

    def ask(self, refund_id: str) -> dict[str, Any]:
        """A `pending` refund turns to `requires_action`, which the API can cancel."""
        return self._do(refunds.ask, refund_id)

    def call_off(self, refund_id: str) -> dict[str, Any]:
        """Cancel a refund that has not arrived, as a person in the dashboard."""
        return self._do(refunds.call_off, refund_id)


class Disputes(Lever):
    """What a customer's bank does; each answers the dispute.

    All raise ApiError where it cannot happen, such as a second end of one dispute.
    """

    def open(
        self, charge_id: str, reason: str = "fraudulent", *, inquiry: bool = False
    ) -> dict[str, Any]:
        """Dispute any paid charge, as cards …0259, …2685 and …1976 do by themselves."""
        return self._do(disputes.open_for, charge_id, reason, inquiry=inquiry)

    def win(self, dispute_id: str) -> dict[str, Any]:
        """End it for the shop: funds reinstated. An inquiry is `warning_closed`."""
        return self._do(disputes.win, dispute_id)

    def lose(self, dispute_id: str) -> dict[str, Any]:
        """End it for the customer. An inquiry is `warning_closed`."""
        return self._do(disputes.lose, dispute_id)

    def escalate(self, dispute_id: str) -> dict[str, Any]:
        """Turn an inquiry into a chargeback: funds withdrawn."""
        return self._do(disputes.escalate, dispute_id)

    def warn(self, charge_id: str) -> dict[str, Any]:
        """An early fraud warning, as card …5423 brings; answers the warning."""
        return self._do(aftermath.warn, charge_id)
