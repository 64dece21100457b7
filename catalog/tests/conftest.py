import pytest


@pytest.fixture(autouse=True)
def _media_of_its_own(settings, tmp_path):
    """No test finds the pictures of another one, or of the shop that runs here."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
