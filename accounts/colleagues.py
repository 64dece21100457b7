"""How staff read of each other."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User


def already(done: str, by: User | None, at: datetime) -> str:
    """What the second of two who press reads: `Already refused by Stan on 3 May, …`."""
    name = (by and by.get_short_name()) or "the shop itself"
    when = date_format(timezone.localtime(at), "j F, H:i")
    return f"Already {done} by {name} on {when}."
