"""By which button a link went out: one list for whoever sends and whoever counts.

The mark stands in the link's address, as `?c=`. Anybody can write one there, so that
whatever is not in the list is one channel, and a funnel has no more lines than these.
"""

from django.db.models import TextChoices


class Channel(TextChoices):
    COPY = "copy", "Copied"
    SHEET = "sheet", "Share sheet"
    QR = "qr", "QR code"
    PAPER = "paper", "Printed card"
    EMAIL = "email", "Email"
    WHATSAPP = "whatsapp", "WhatsApp"
    SMS = "sms", "Message"
    FACEBOOK = "facebook", "Facebook"
    X = "x", "X"
    OTHER = "other", "Other"


def marked(url: str, channel: Channel) -> str:
    """The same link, telling by which button it went out."""
    return f"{url}{'&' if '?' in url else '?'}c={channel.value}"


def of_mark(said: str) -> str:
    """The channel that a mark means; empty for none."""
    said = said.strip().lower()
    return said if said in Channel.values or not said else Channel.OTHER.value
