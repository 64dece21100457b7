"""Hears all that the stand-in says, in whichever test, and compares it with Stripe.

It stands outside: the functions through which every answer and every event leaves are
wrapped for the length of a test, and the sandbox's own code knows nothing of it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from urllib.parse import urlsplit

from shop.sandbox.stripe import api, events

from . import contract


@contextmanager
def watching() -> Iterator[list[str]]:
    """Fail at the first object that is not as Stripe's; gives what was wrong so far.

    It fails where it happens, and once more at the end: in between may stand a server's
    thread, or somebody who takes any error for a lost connection.
    """
    wrong: list[str] = []

    def check_answer(reply, config, method, target, headers, body):
        path = urlsplit(target).path
        contract.check_answer(method, path, reply.status, json.loads(reply.body))

    def check_event(event, *args):
        if event:
            contract.check(event)

    watched = [(api, "call", check_answer)]
    watched += [(events, verb, check_event) for verb in ("emit", "load")]
    real = [getattr(room, verb) for room, verb, _ in watched]
    for (room, verb, check), function in zip(watched, real, strict=True):
        setattr(room, verb, _heard(function, check, wrong))
    try:
        yield wrong
    finally:
        for (room, verb, _), function in zip(watched, real, strict=True):
            setattr(room, verb, function)
    assert wrong == [], "The stand-in said what Stripe never would."


def _heard(function: Callable, check: Callable, wrong: list[str]) -> Callable:
    @wraps(function)
    def speak(*args):
        said = function(*args)
        try:
            check(said, *args)
        except AssertionError as error:
            wrong.append(str(error))
            raise
        return said

    return speak
