"""Processes that end in the middle of their work, as a crash would end them."""

import os
import signal

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.db.models.signals import post_save

from accounts.models import Transfer
from referrals import rules, sweeps
from referrals.models import Settlement

MOST = 2
_asked = []


def by_exception(facts):
    """The third order is never decided: not even `except Exception` sees this one."""
    _asked.append(facts)
    if len(_asked) > MOST:
        _asked.clear()
        raise SystemExit
    return rules.standard(facts)


def by_signal(facts):
    """kill -9, in the middle of the third order's transaction."""
    _asked.append(facts)
    if len(_asked) > MOST:
        _kill()
    return rules.standard(facts)


def after_a_transfer(sender, instance, created, **kwargs):
    """kill -9 with the money of the third reward moved, and nothing said of it yet."""
    _asked.append(instance)
    if len(_asked) > MOST:
        _kill()


def between_orders(sender, instance, created, **kwargs):
    """kill -9 when the second order is committed, before the third one is begun."""
    _asked.append(instance)
    if len(_asked) == MOST:
        transaction.on_commit(_kill)


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def run(where, what):
    """`settle` or `release`, and die: for a process of its own."""
    if where == "in the rule":
        settings.REFERRAL_RULE = f"{__name__}.by_signal"
    elif where == "after a transfer":
        post_save.connect(after_a_transfer, sender=Transfer)
    else:
        post_save.connect(between_orders, sender=Settlement)
    if what == "settle":
        call_command("settle")
    else:
        sweeps.release_due()
