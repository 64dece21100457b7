"""Rules that end the process that asks them, as a crash would."""

import os
import signal

from referrals import rules

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
        os.kill(os.getpid(), signal.SIGKILL)
    return rules.standard(facts)
