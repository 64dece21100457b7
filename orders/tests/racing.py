"""Real threads on PostgreSQL, each with a connection of its own."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection


def at_once(*verbs: Callable) -> list:
    """Start all behind one barrier; what each returned, or the exception it met."""
    barrier = threading.Barrier(len(verbs))

    def run(verb):
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return verb()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(verbs)) as pool:
        return list(pool.map(run, verbs))


def hesitate() -> None:
    """Where the unguarded twin of a flow lets somebody else in between."""
    time.sleep(0.25)
