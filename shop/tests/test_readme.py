"""What the README promises about names is compared with the code."""

import ast
import re

from django.conf import settings

from orders import facts

README = (settings.BASE_DIR / "README.md").read_text(encoding="utf-8")


def read_by_settings() -> set[str]:
    """The first argument of every `env(…)`, `env.type(…)` and `required(…)`."""
    source = (settings.BASE_DIR / "shop" / "settings.py").read_text(encoding="utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if ast.unparse(call.func).split(".")[0] in ("env", "required")
        and isinstance(call.args[0], ast.Constant)
    }


def test_the_readme_lists_the_settings_that_there_are():
    rows = re.findall(r"^\| (`.+?) \|", section("Settings"), re.M)

    assert set(re.findall(r"`([A-Z_]+)`", " ".join(rows))) == read_by_settings()


def test_the_example_names_the_settings_that_there_are():
    example = (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8")

    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.M)) == read_by_settings()


def test_the_readme_names_the_events_that_are_recorded():
    named = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", section("Put it on the internet"))

    assert set(named) == facts.EVENTS


def test_every_file_that_the_readme_names_exists():
    paths = re.findall(r"`([a-z]+/[a-z_./]+)(?:: \w+)?`", README)
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)

    missing = [
        path
        for path in paths + links
        # What lies in var/ comes into being when the shop runs.
        if not path.startswith("var/") and not (settings.BASE_DIR / path).exists()
    ]
    assert missing == []


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]
