import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _clean_shop(settings, tmp_path):
    """Pictures go to a folder of their own, and no test reads what another one cached."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    cache.clear()
