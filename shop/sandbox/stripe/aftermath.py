"""What follows a payment by itself, for the cards that are made for it."""

from typing import Any

from . import disputes, events, store
from .errors import missing
from .store import Tx, new_id


def follow(tx: Tx, charge: dict[str, Any], later: str) -> None:
    """`later` is the card's word for it; see `cards`. Most cards keep quiet."""
    match later:
        case "fraudulent" | "product_not_received":
            disputes.open_for(tx, charge["id"], later)
        case "inquiry":
            disputes.open_for(tx, charge["id"], inquiry=True)
        case "fraud warning":
            warn(tx, charge["id"])


def warn(tx: Tx, charge_id: str) -> dict[str, Any]:
    """The bank reports fraud early; a dispute often comes next. Raises ApiError."""
    charge = store.get(tx, "charge", charge_id)
    if not charge:
        raise missing("charge", charge_id, "charge")
    warning = {
        "id": new_id("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": tx.now,
        "fraud_type": "made_with_stolen_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    store.insert(tx, warning)
    events.emit(tx, "radar.early_fraud_warning.created", warning)
    return warning
