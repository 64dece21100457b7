import pytest

from shop.sandbox.testing import MemoryStripe


@pytest.fixture
def sandbox(tmp_path):
    """A Stripe of the test's own."""
    return MemoryStripe(tmp_path)


@pytest.fixture
def client(sandbox):
    """The unmodified `stripe` package, talking to it."""
    return sandbox.client()
