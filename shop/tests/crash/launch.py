"""Start the shop so that it kills itself at a chosen point.

    CRASH_AT=webhook_stored python -m shop.tests.crash.launch manage worker --once
    CRASH_AT=… python -m shop.tests.crash.launch manage runserver --noreload 8001
    CRASH_AT=… python -m shop.tests.crash.launch act buy ada@example.com

The functions in question are wrapped from outside; the shop's own code knows nothing of
it. The first time the process passes the point it gets SIGKILL, which nothing catches.
"""

import os
import signal
import sys
from functools import wraps
from importlib import import_module

BEFORE, AFTER = "before", "after"

POINTS = {
    "before_session_create": (BEFORE, "orders.payments:_session_of"),
    "after_session_create": (AFTER, "orders.payments:_session_of"),
    "after_session_saved": (AFTER, "orders.payments:start"),
    "webhook_stored": (AFTER, "orders.webhooks:_store"),
    "webhook_effects": (AFTER, "orders.facts:record"),
    "webhook_before_reply": (AFTER, "orders.webhooks:receive"),
    "mail_before_send": (BEFORE, "shop.kit.mail:EmailMultiAlternatives.send"),
    "mail_after_send": (AFTER, "shop.kit.mail:EmailMultiAlternatives.send"),
    "refund_before_call": (BEFORE, "orders.payments:refund"),
    "refund_after_call": (AFTER, "orders.payments:refund"),
    "reward_granted": (AFTER, "referrals.rewards:release"),
    "expiry_released": (AFTER, "orders.confirmation:expire_order"),
}


def set_trap(point: str) -> None:
    """Wrap the function of this point."""
    when, where = POINTS[point]
    module, _, path = where.partition(":")
    *holders, name = path.split(".")
    holder = import_module(module)
    for each in holders:
        holder = getattr(holder, each)
    function = getattr(holder, name)

    @wraps(function)
    def trapped(*args, **kwargs):
        if when == BEFORE:
            die()
        answer = function(*args, **kwargs)
        die()
        return answer

    setattr(holder, name, trapped)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(kind: str, *arguments: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    import django

    django.setup()
    if point := os.environ.get("CRASH_AT"):
        set_trap(point)
    if kind == "act":
        from shop.tests.crash import acts

        name, *rest = arguments
        getattr(acts, name)(*rest)
    else:
        from django.core.management import execute_from_command_line

        execute_from_command_line(["manage.py", *arguments])


if __name__ == "__main__":
    main(*sys.argv[1:])
