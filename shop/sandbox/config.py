"""What the sandbox needs to know, in one value that holds no Django."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

API_VERSION = "2026-10-28.endive"
KEY_PREFIX = "sk_test_sandbox_"


@dataclass(frozen=True)
class Config:
    """Where the sandbox lives and whom it calls.

    `public_base` is the address a browser and the `stripe` package use, without a
    trailing slash. An empty `webhook_url` means events are recorded but sent to
    nobody. `background` starts the delivery thread after each change; tests that
    want to choose the moment turn it off and call `deliveries.deliver_due`.
    """

    path: Path
    public_base: str = "http://localhost:8000/sandbox/stripe"
    webhook_url: str = ""
    webhook_secret: str = ""
    api_key_prefix: str = KEY_PREFIX
    shop_name: str = "Tandem"
    shop_url: str = "http://localhost:8000"
    background: bool = True

    @property
    def base_path(self) -> str:
        """The path part of `public_base`, the prefix of every link on our pages."""
        return urlsplit(self.public_base).path.rstrip("/")
