"""What the sandbox's tests ask Stripe for."""

from typing import Any


def session_params(**changes: Any) -> dict[str, Any]:
    """Parameters of a session for two cups and a napkin, 57.00 dollars with post."""
    return {
        "mode": "payment",
        "success_url": "https://shop.test/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.test/cart",
        "client_reference_id": "T-1007",
        "customer_email": "grace@example.com",
        "line_items": [line(2, 2200, "Cup"), line(1, 800, "Napkin")],
        "shipping_options": [
            {
                "shipping_rate_data": {
                    "type": "fixed_amount",
                    "display_name": "Post",
                    "fixed_amount": {"amount": 500, "currency": "usd"},
                }
            }
        ],
        "metadata": {"order": "7"},
        "payment_intent_data": {"metadata": {"order": "7"}},
        **changes,
    }


def line(
    quantity: int = 1, unit_amount: int = 1000, name: str = "Cup", currency: str = "usd"
):
    """One line of a session; `unit_amount` in minor units."""
    return {
        "quantity": quantity,
        "price_data": {
            "currency": currency,
            "unit_amount": unit_amount,
            "product_data": {"name": name},
        },
    }


def plain_params(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The least that makes a session, with these lines."""
    return {
        "mode": "payment",
        "success_url": "https://shop.test/thanks",
        "line_items": list(lines) or [line()],
        **changes,
    }
