"""What the documents say is shown by tests is looked up among the tests."""

import re

from django.conf import settings

COMPARISON = (settings.BASE_DIR / "docs" / "comparison.md").read_text(encoding="utf-8")
APPS = ["accounts", "catalog", "orders", "referrals", "shop"]


def written() -> set[str]:
    """The name of every test of the shop."""
    return {
        name
        for app in APPS
        for file in (settings.BASE_DIR / app).rglob("test_*.py")
        for name in re.findall(
            r"^ *def (test_\w+)", file.read_text(encoding="utf-8"), re.M
        )
    }


def test_every_test_that_the_comparison_names_exists():
    named = set(re.findall(r"\btest_\w+", COMPARISON))

    assert len(named) > 50
    assert named - written() == set()


def test_every_room_that_the_comparison_names_exists():
    named = set(re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", COMPARISON))

    assert named
    assert [path for path in named if not (settings.BASE_DIR / path).exists()] == []
