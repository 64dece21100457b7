"""Two questions of whoever runs the shop: is the process alive, can it serve?"""

from datetime import timedelta

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import JsonResponse
from django.views.decorators.cache import never_cache

from shop.kit import guards, jobs

LONGEST_WAIT = timedelta(minutes=10)


@never_cache
def healthz(request):
    """The process answers; it asks nobody else."""
    return JsonResponse({"ok": True})


@never_cache
def readyz(request):
    """Database reached, migrations applied, guards set, no job overdue; else 503."""
    problems = {}
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            problems["migrations"] = "not all are applied"
        else:
            absent = guards.missing()
            if absent:
                problems["guards"] = f"missing triggers: {', '.join(absent)}"
            if jobs.oldest_due_age() > LONGEST_WAIT:
                problems["jobs"] = (
                    "the oldest has waited for too long; is a worker running?"
                )
    except Error as error:
        problems["database"] = type(error).__name__
    return JsonResponse(
        {"ok": not problems, **problems}, status=503 if problems else 200
    )
