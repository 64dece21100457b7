"""The card form: what was typed, what is wrong with it, which test card it is."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from . import cards, debits, sessions
from .cards import TestCard

EXPIRY = "12 / 34"
NAME = "Ada Lovelace"


@dataclass
class PayForm:
    """Typed values by field name, and errors by field name (`""` for the whole).

    `debit` is "arrives" or "fails" when the bank debit was chosen instead of a card.
    """

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    card: TestCard | None = None
    debit: str = ""
    expires: tuple[int, int] | None = None


def blank(session: dict[str, Any], query: str) -> PayForm:
    """A form that needs only a number, or nothing when `?card=` picked one."""
    card = cards.CARDS.get(cards.digits(parse_qs(query).get("card", [""])[0]))
    return PayForm(
        {
            "email": sessions.known_email(session) or "ada@example.com",
            "number": card.spaced if card else "",
            "expiry": EXPIRY,
            "cvc": "1234" if card and card.brand == "amex" else "123",
            "name": NAME,
        }
    )


def read(session: dict[str, Any], body: bytes, now: int) -> PayForm:
    """The submitted form with its errors; a free session needs no card."""
    typed = {
        name: values[0].strip()
        for name, values in parse_qs(body.decode(errors="replace")).items()
    }
    names = ("email", "number", "expiry", "cvc", "name")
    form = PayForm({name: typed.get(name, "") for name in names})
    known = sessions.known_email(session)
    if debits.method_of(session) and typed.get("debit") in ("arrives", "fails"):
        form.debit = typed["debit"]
    if known:
        form.values["email"] = known
    elif not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", form.values["email"]):
        form.errors["email"] = "Enter an email address, such as ada@example.com."
    if session["amount_total"] and not form.debit:
        _check_card(form, now)
    return form


def _check_card(form: PayForm, now: int) -> None:
    number = cards.digits(form.values["number"])
    form.card = cards.CARDS.get(number)
    if not number:
        form.errors["number"] = "Enter a card number, or pick a test card above."
    elif not cards.passes_luhn(number):
        form.errors["number"] = "Your card number is invalid."
    elif not form.card:
        # It may be somebody's real card: do not even show it again.
        form.values["number"] = ""
        form.errors["number"] = (
            "The sandbox does not know this card. Pick one from the list: "
            "4242 4242 4242 4242 always succeeds. Never type a real card number here."
        )
    form.expires = cards.parse_expiry(form.values["expiry"])
    if not form.expires:
        form.errors["expiry"] = "Enter month and year, such as 12 / 34."
    elif cards.is_past(*form.expires, now):
        form.errors["expiry"] = "Your card's expiration date is in the past."
    length = 4 if form.card and form.card.brand == "amex" else 3
    if not re.fullmatch(rf"[0-9]{{{length}}}", form.values["cvc"]):
        form.errors["cvc"] = f"Enter the {length} digits of the security code."
    if not form.values["name"]:
        form.errors["name"] = "Enter the name on the card."
