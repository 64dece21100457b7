"""Loaded by pytest before Django: tests never run with the settings of production."""

import os

from hypothesis import settings

os.environ["SHOP_ENV"] = "test"

# Everybody tries the same examples, however slow the machine; `many` are for a night.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("many", settings(deadline=None), max_examples=8000)
settings.load_profile("steady")
