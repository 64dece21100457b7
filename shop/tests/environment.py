"""Loaded by pytest before Django: tests never run with the settings of production."""

import os

from hypothesis import settings

os.environ["SHOP_ENV"] = "test"

# Tests side by side must not empty each other's cache: to each worker its own database.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if _worker and "REDIS_URL" in os.environ:
    _server, _, _database = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{_server}/{int(_database) + int(_worker)}"

# Everybody tries the same examples, however slow the machine; `many` are for a night.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("many", settings(deadline=None), max_examples=8000)
settings.load_profile("steady")
