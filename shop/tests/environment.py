"""Loaded by pytest before Django: tests never run with the settings of production."""

import os

os.environ["SHOP_ENV"] = "test"
