"""Signals for code of others that outlive a crash and a receiver that breaks.

    reward_available = Announcement("reward_available", sender=Reward)

    with transaction.atomic():
        ...
        reward_available.tell(reward.pk, reward_id=reward.pk)

What is told is a row that commits, or rolls back, with the change. The worker sends it
from there with `send_robust`; a receiver that raises is tried again by itself, later
and later. All hear it at least once: a killed worker repeats itself. `fact` in the
payload names what has happened and is the same each time.
"""

from collections.abc import Callable

from django.dispatch import Signal
from django.utils.module_loading import import_string

from shop.kit import jobs

_known: dict[str, "Announcement"] = {}


class Announcement(Signal):
    """A signal with a name for its rows, always sent by one class, with ids only."""

    def __init__(self, name: str, sender: type):
        super().__init__()
        self.name, self.sender = name, sender
        _known[name] = self

    def connect(self, receiver: Callable, *args, **kwargs):
        """As Django's. Raises ValueError for a receiver that no row could name."""
        if "." in getattr(receiver, "__qualname__", "."):
            raise ValueError(f"{receiver!r} is no function of a module.")
        super().connect(receiver, *args, **kwargs)

    def tell(self, fact: object, **ids: object) -> None:
        """Write it down, if anybody listens. `fact` tells it from others of this name.

        Belongs into the transaction of the change. What goes along is JSON.
        """
        if self.has_listeners(self.sender):
            announce.enqueue(self.name, {"fact": f"{self.name}:{fact}", **ids})


@jobs.job()
def announce(name: str, payload: dict) -> None:
    """Tell everybody once, and those who failed again by themselves."""
    signal = _known[name]
    for receiver, answer in signal.send_robust(signal.sender, **payload):
        if isinstance(answer, Exception):
            path = f"{receiver.__module__}.{receiver.__qualname__}"
            tell_again.enqueue(name, path, payload)


@jobs.job()
def tell_again(name: str, receiver: str, payload: dict) -> None:
    """One receiver that failed: what it raises now has the job tried again."""
    signal = _known[name]
    import_string(receiver)(signal=signal, sender=signal.sender, **payload)
