"""Time passes: what was planned happens, by itself or because someone is impatient."""

from collections.abc import Callable

from shop.sandbox.config import Config

from . import agenda, debits, disputes, refunds, sessions, store
from .store import Tx

PLANS: dict[str, Callable[[Tx, str], object]] = {
    "expire": sessions.expire,
    "debit settles": debits.settle,
    "dispute ends": disputes.end_in_time,
    "refund succeeds": refunds.succeed,
    "refund fails": refunds.fail,
}


def sweep(tx: Tx) -> None:
    """Do everything whose time has come, in the order it was planned for."""
    while due := agenda.take_due(tx):
        what, object_id = due
        PLANS[what](tx, object_id)


def advance(config: Config, seconds: int) -> None:
    """Let that much time pass at Stripe: sessions expire, refunds arrive or fail…"""
    with store.transaction(config) as tx:
        store.set_setting(tx, agenda.OFFSET, str(agenda.offset(tx) + seconds))
        sweep(tx)
