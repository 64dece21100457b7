"""Disputes: a customer's bank takes the money back, and the shop may argue.

A chargeback moves the money at once and ends `won` or `lost`. An inquiry (`warning_…`)
only asks, moves nothing, and may grow into a chargeback.
"""

from typing import Any

from stripe.params import DisputeUpdateParamsEvidence

from . import agenda, balance, events, metadata, session_rules, store
from .errors import missing, not_modelled, refused
from .store import Tx, new_id

DAY = 24 * 60 * 60
TIME_TO_ANSWER = 9 * DAY
TIME_TO_JUDGE = 5 * DAY
# What Stripe's test mode reads in `evidence[uncategorized_text]`.
WINNING = "winning_evidence"
ESCALATING = "escalate_inquiry_evidence"
SUPPORTED = frozenset(["evidence", "expand", "metadata", "submit"])
# An appeal and the card networks' own programmes are not modelled.
EVIDENCE = DisputeUpdateParamsEvidence.__annotations__.keys() - {
    "appeal",
    "enhanced_evidence",
}
UNANSWERED = ("needs_response", "warning_needs_response")
OPEN = (*UNANSWERED, "under_review", "warning_under_review")
REASON_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}


def open_for(
    tx: Tx, charge_id: str, reason: str = "fraudulent", *, inquiry: bool = False
) -> dict[str, Any]:
    """The customer disputes a charge in full. Raises ApiError where none can be."""
    charge = store.get(tx, "charge", charge_id)
    if not charge:
        raise missing("charge", charge_id, "charge")
    if not charge["paid"] or charge["refunded"] or charge["disputed"]:
        raise refused(f"The charge {charge_id} cannot be disputed (any more).")
    if charge["payment_method_details"]["type"] != "card":
        raise not_modelled("A dispute of a bank debit", "charge")
    charge["disputed"] = True
    store.update(tx, charge)
    dispute = _new_dispute(tx, charge, reason, inquiry)
    store.insert(tx, dispute)
    agenda.plan(tx, "dispute ends", dispute["id"], TIME_TO_ANSWER)
    if inquiry:
        events.emit(tx, "charge.dispute.created", dispute)
    else:
        _withdraw(tx, dispute, announce="charge.dispute.created")
    return dispute


def update(tx: Tx, dispute_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Keep evidence and, unless `submit` is false, hand it in."""
    session_rules.refuse_others(params, SUPPORTED, "The parameter {}")
    dispute = load(tx, dispute_id)
    before = metadata.update(dispute, params)
    if params.get("evidence"):
        session_rules.refuse_others(params["evidence"], EVIDENCE, "The evidence {}")
        _check_unanswered(dispute, "evidence")
        before["evidence"] = dict(dispute["evidence"])
        dispute["evidence"] |= params["evidence"]
        dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"].values())
    if params.get("submit", "evidence" in params):
        _check_unanswered(dispute, "submit")
        before["status"] = dispute["status"]
        _submit(tx, dispute)
    store.update(tx, dispute)
    if before:
        events.emit(tx, "charge.dispute.updated", dispute, before)
    asked = dispute["evidence"]["uncategorized_text"] == ESCALATING
    if asked and dispute["status"] == "warning_under_review":
        return escalate(tx, dispute_id)
    return dispute


def close(tx: Tx, dispute_id: str) -> dict[str, Any]:
    """The shop gives in: the dispute is lost, an inquiry simply ends."""
    dispute = load(tx, dispute_id)
    _check_unanswered(dispute, "dispute")
    return lose(tx, dispute_id)


def load(tx: Tx, dispute_id: str) -> dict[str, Any]:
    """The dispute as it is now. Raises ApiError (404) for an unknown id."""
    dispute = store.get(tx, "dispute", dispute_id)
    if not dispute:
        raise missing("dispute", dispute_id, "dispute")
    return dispute


def win(tx: Tx, dispute_id: str) -> dict[str, Any]:
    """The bank believes the shop: the money and the fee come back."""
    dispute = _still_open(tx, dispute_id)
    if dispute["status"].startswith("warning_"):
        return _end(tx, dispute, "warning_closed")
    back = balance.record(
        tx,
        "adjustment",
        dispute,
        dispute["amount"],
        fee=-balance.DISPUTE_FEE,
        category="dispute_reversal",
    )
    dispute["balance_transactions"].append(back)
    dispute["is_charge_refundable"] = True
    _end(tx, dispute, "won")
    events.emit(tx, "charge.dispute.funds_reinstated", dispute)
    return dispute


def lose(tx: Tx, dispute_id: str) -> dict[str, Any]:
    """The bank believes the customer: the money stays gone."""
    dispute = _still_open(tx, dispute_id)
    inquiry = dispute["status"].startswith("warning_")
    return _end(tx, dispute, "warning_closed" if inquiry else "lost")


def escalate(tx: Tx, dispute_id: str) -> dict[str, Any]:
    """An inquiry becomes a chargeback, and now the money leaves."""
    dispute = _still_open(tx, dispute_id)
    if not dispute["status"].startswith("warning_"):
        raise refused(f"The dispute {dispute_id} is no inquiry.")
    before = {"status": dispute["status"], "is_charge_refundable": True}
    dispute["status"] = "needs_response"
    dispute["is_charge_refundable"] = False
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    agenda.plan(tx, "dispute ends", dispute_id, TIME_TO_ANSWER)
    _withdraw(tx, dispute, announce="charge.dispute.updated", before=before)
    return dispute


def end_in_time(tx: Tx, dispute_id: str) -> dict[str, Any]:
    """The bank decides on what was handed in; silence loses."""
    dispute = load(tx, dispute_id)
    told = dispute["evidence"]["uncategorized_text"]
    if dispute["status"] == "under_review" and told == WINNING:
        return win(tx, dispute_id)
    return lose(tx, dispute_id)


def blocks_refund(tx: Tx, charge: dict[str, Any]) -> bool:
    """Whether the money of a charge is where no refund can take it from."""
    dispute = of_charge(tx, charge["id"])
    return bool(dispute) and not dispute["is_charge_refundable"]


def after_refund(tx: Tx, charge: dict[str, Any]) -> None:
    """A refund in full answers an inquiry."""
    dispute = of_charge(tx, charge["id"])
    if charge["refunded"] and dispute and dispute["status"] in OPEN:
        lose(tx, dispute["id"])


def of_charge(tx: Tx, charge_id: str) -> dict[str, Any] | None:
    """The dispute of a charge, or None. Here a charge is disputed once."""
    row = tx.db.execute(
        "SELECT id FROM object WHERE kind = 'dispute' "
        "AND json_extract(json, '$.charge') = ?",
        (charge_id,),
    ).fetchone()
    return load(tx, row["id"]) if row else None


def _withdraw(tx: Tx, dispute, *, announce: str, before=None) -> None:
    taken = balance.record(
        tx, "adjustment", dispute, -dispute["amount"], fee=balance.DISPUTE_FEE
    )
    dispute["balance_transactions"].append(taken)
    store.update(tx, dispute)
    events.emit(tx, announce, dispute, before)
    events.emit(tx, "charge.dispute.funds_withdrawn", dispute)


def _submit(tx: Tx, dispute: dict[str, Any]) -> None:
    inquiry = dispute["status"].startswith("warning_")
    dispute["status"] = "warning_under_review" if inquiry else "under_review"
    dispute["evidence_details"] |= {
        "submission_count": dispute["evidence_details"]["submission_count"] + 1,
        "submission_method": "manual",
    }
    agenda.plan(tx, "dispute ends", dispute["id"], TIME_TO_JUDGE)


def _check_unanswered(dispute: dict[str, Any], param: str) -> None:
    if dispute["status"] not in UNANSWERED:
        raise refused(
            f"This dispute cannot be answered: its status is {dispute['status']}.",
            param,
        )


def _still_open(tx: Tx, dispute_id: str) -> dict[str, Any]:
    dispute = load(tx, dispute_id)
    if dispute["status"] not in OPEN:
        raise refused(f"The dispute {dispute_id} is {dispute['status']} already.")
    agenda.forget(tx, dispute_id)
    return dispute


def _end(tx: Tx, dispute: dict[str, Any], status: str) -> dict[str, Any]:
    before = {"status": dispute["status"]}
    dispute["status"] = status
    store.update(tx, dispute)
    events.emit(tx, "charge.dispute.closed", dispute, before)
    return dispute


def _no_evidence() -> dict[str, Any]:
    return dict.fromkeys(sorted(EVIDENCE)) | {"enhanced_evidence": {}}


def _new_dispute(tx: Tx, charge, reason: str, inquiry: bool) -> dict[str, Any]:
    brand = charge["payment_method_details"]["card"]["brand"]
    code = REASON_CODES.get(reason, "")
    return {
        "id": new_id("du"),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": tx.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": _no_evidence(),
        "evidence_details": {
            "due_by": tx.now + TIME_TO_ANSWER,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": brand,
                "network_reason_code": code,
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
