"""The `Stripe-Signature` header."""

import hashlib
import hmac


def header(secret: str, body: bytes, timestamp: int) -> str:
    """`t=…,v1=…` over the exact bytes that will be sent."""
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
