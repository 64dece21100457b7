"""Photographs: safe names, renditions, srcset."""

import secrets
from pathlib import PurePath


def random_name(instance, filename: str) -> str:
    """Where an uploaded picture is stored: nothing of the uploader's name but the format."""
    return f"products/{secrets.token_hex(12)}{PurePath(filename).suffix.lower()}"
