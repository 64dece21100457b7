"""What a test may pull at Stripe: time, and what banks and customers do later."""

from typing import Any, Protocol

from .config import Config
from .stripe import aftermath, clock, debits, disputes, faults, refunds, store


class Stripe(Protocol):
    """A `MemoryStripe`; its configuration changes while it is serving."""

    config: Config

    def object(self, kind: str, object_id: str) -> dict[str, Any] | None: ...


class Lever:
    """Something that happens at Stripe, in one transaction of the sandbox."""

    def __init__(self, stripe: Stripe):
        self.stripe = stripe

    def _do(self, verb, *args, **named):
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


class Debits(Lever):
    """What becomes of a payment by bank debit; each answers the payment intent.

    Raise ApiError unless the session's debit is still under way.
    """

    def arrive(self, session_id: str) -> dict[str, Any]:
        """The money is there: `checkout.session.async_payment_succeeded`."""
        return self._settle(session_id, fails=False)

    def fail(self, session_id: str) -> dict[str, Any]:
        """The bank refused: `checkout.session.async_payment_failed`."""
        return self._settle(session_id, fails=True)

    def _settle(self, session_id: str, *, fails: bool) -> dict[str, Any]:
        session = self.stripe.object("checkout.session", session_id)
        return self._do(debits.settle, session["payment_intent"], fails=fails)


class Faults(Lever):
    """What goes wrong on the way, from the next call or delivery on."""

    def answer(
        self,
        status: int | str,
        times: int = 1,
        *,
        stored: bool = False,
        seconds: float = 0,
    ) -> None:
        """Let the next API calls end in 500, 429 or "timeout", executing nothing.

        A `stored` 500 is replayed to whoever repeats its idempotency key. A timeout
        breaks the connection after `seconds`; a test need not really wait.
        """
        if str(status) not in faults.ANSWERS:
            raise ValueError(f"{status} is none of {faults.ANSWERS}")
        self._do(faults.answer, str(status), times, stored=stored, seconds=seconds)

    def drop_after_executing(self, times: int = 1) -> None:
        """Let the next changing calls succeed at Stripe and their answers be lost."""
        self._do(faults.drop_after_executing, times)

    def deliveries(
        self,
        *,
        hold: bool = False,
        twice: bool = False,
        reverse: bool = False,
        stale: bool = False,
        forged: bool = False,
    ) -> None:
        """Set how real deliveries go, all five switches at once."""
        wanted = {faults.HOLD: hold, faults.TWICE: twice, faults.REVERSE: reverse}
        wanted |= {faults.STALE: stale, faults.FORGED: forged}
        for name, on in wanted.items():
            self._do(faults.switch, name, on)

    def clear(self) -> None:
        """Everything works again."""
        self._do(faults.clear)
