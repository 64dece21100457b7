"""The test cards: what each number does. A number lives only in memory.

What is stored is what Stripe shows: brand, last four digits, expiry, country and a
fingerprint that is the same whenever the same number is used.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class TestCard:
    """One number, what it does, and (for a refusal) Stripe's codes and sentence.

    `later` says what follows a payment; see `aftermath` and `refunds`.
    """

    __test__ = False  # the name is Stripe's; pytest must not collect it

    number: str
    label: str
    challenge: bool = False
    code: str = ""
    decline_code: str = ""
    message: str = ""
    brand: str = "visa"
    later: str = ""

    @property
    def spaced(self) -> str:
        """The number as printed on a card."""
        if self.brand == "amex":
            return f"{self.number[:4]} {self.number[4:10]} {self.number[10:]}"
        return " ".join(re.findall(r"\d{4}", self.number))


DECLINED = "Your card was declined."
INSUFFICIENT = "Your card has insufficient funds."


def _declined(number, label, decline_code, message=DECLINED, *, challenge=False):
    return TestCard(number, label, challenge, "card_declined", decline_code, message)


CARDS = {
    card.number: card
    for card in (
        TestCard("4242424242424242", "Succeeds"),
        TestCard("5555555555554444", "Mastercard", brand="mastercard"),
        TestCard("378282246310005", "American Express", brand="amex"),
        TestCard("4000002500003155", "3-D Secure", challenge=True),
        TestCard("4000002760003184", "3-D Secure, always", challenge=True),
        _declined("4000000000000002", "Declined", "generic_decline"),
        _declined(
            "4000000000009995", "Insufficient funds", "insufficient_funds", INSUFFICIENT
        ),
        _declined(
            "4000008400001629",
            "3DS, then declined",
            "generic_decline",
            challenge=True,
        ),
        _declined(
            "4000008260003178",
            "3DS, then no funds",
            "insufficient_funds",
            INSUFFICIENT,
            challenge=True,
        ),
        _declined("4000000000009987", "Reported lost", "lost_card"),
        _declined("4000000000009979", "Reported stolen", "stolen_card"),
        _declined("4100000000000019", "Blocked as fraud", "fraudulent"),
        TestCard(
            "4000000000000069",
            "Expired card",
            code="expired_card",
            message="Your card has expired.",
        ),
        TestCard(
            "4000000000000127",
            "Wrong CVC",
            code="incorrect_cvc",
            message="Your card's security code is incorrect.",
        ),
        TestCard(
            "4000000000000119",
            "Processing error",
            code="processing_error",
            message="An error occurred while processing your card. Try again later.",
        ),
        TestCard("4000000000007726", "Refund is slow", later="refund pending"),
        TestCard("4000000000005126", "Refund fails later", later="refund fails"),
        TestCard("4000000000000259", "Dispute: fraud", later="fraudulent"),
        TestCard(
            "4000000000002685",
            "Dispute: not received",
            later="product_not_received",
        ),
        TestCard("4000000000001976", "Inquiry", later="inquiry"),
        TestCard("4000000000005423", "Fraud warning", later="fraud warning"),
    )
}


def digits(typed: str) -> str:
    """A typed number without its spaces and dashes."""
    return re.sub(r"[\s-]", "", typed)


def passes_luhn(number: str) -> bool:
    """Whether the check digit is right, so that one wrong key is caught early."""
    if not re.fullmatch(r"[0-9]{12,19}", number):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def parse_expiry(typed: str) -> tuple[int, int] | None:
    """`12 / 34` is (12, 2034); None when it is not a month and a year."""
    found = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(?:20)?(\d{2})\s*", typed)
    if not found or not 1 <= int(found[1]) <= 12:
        return None
    return int(found[1]), 2000 + int(found[2])


def is_past(month: int, year: int, now: int) -> bool:
    """Whether the card's last month is over at the moment `now` (unix seconds)."""
    today = datetime.fromtimestamp(now, UTC)
    return (year, month) < (today.year, today.month)


def described(card: TestCard, month: int, year: int) -> dict[str, Any]:
    """What may be stored and shown about a card: everything except its number."""
    mark = hashlib.sha256(f"tandem-sandbox:{card.number}".encode()).hexdigest()
    return {
        "brand": card.brand,
        "country": "US",
        "exp_month": month,
        "exp_year": year,
        "fingerprint": mark[:16],
        "funding": "credit",
        "last4": card.number[-4:],
        "challenge": card.challenge,
        "code": card.code,
        "decline_code": card.decline_code,
        "message": card.message,
        "later": card.later,
    }
