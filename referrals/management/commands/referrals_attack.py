import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.forms.models import model_to_dict

from referrals import terms
from referrals.models import Campaign
from referrals.testing import scoreboard

BASE = Path(settings.BASE_DIR)
APPS = ["accounts", "catalog", "orders", "referrals", "shop"]
# What a version is, not what it says.
_NOT_RULES = ["campaign", "number", "created_at"]


class Command(BaseCommand):
    help = (
        "Play the catalogue of cheats against a scratch database, and print how each "
        "ended. Ends with an error if one of them worked. Needs requirements-dev.txt. "
        "With the DATABASE_URL of a PostgreSQL the races are played, too, in one "
        "of their own beside it."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--terms",
            choices=["default", "current"],
            default="default",
            help="current: under this shop's own amounts, days and caps. A script that "
            "is built on an amount of the default offer may break by that alone: read "
            "what it says.",
        )
        parser.add_argument(
            "--scripts", type=Path, help="Another folder of them, instead of all apps."
        )

    def handle(self, *, terms, scripts, **options):
        if importlib.util.find_spec("pytest") is None:
            raise CommandError(
                "The drill is played by pytest: pip install --require-hashes "
                "-r requirements-dev.txt, and ask again."
            )
        if scripts and not scripts.is_dir():
            raise CommandError(f"There are no scripts in {scripts}.")
        folders = [scripts] if scripts else [BASE / app for app in APPS]
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            said = _play(folders, report, _rules() if terms == "current" else None)
            if not report.exists():
                raise CommandError(f"The drill did not start:\n{said}")
            lines = scoreboard.read(report)
        self._print(lines, said)

    def _print(self, lines, said):
        for line in lines:
            self.stdout.write(str(line))
        count = {
            state: sum(line.state == state for line in lines)
            for state in (scoreboard.HELD, scoreboard.BROKEN, scoreboard.MISSING)
        }
        self.stdout.write(
            "{held} of {all} held, {broken} broken, {missing} missing.".format(
                all=len(lines), **count
            )
        )
        waiting = sum(bool(line.waiting) for line in lines)
        if waiting:
            self.stdout.write(
                f"{waiting} of them not with all their tests, for races need "
                "PostgreSQL: DATABASE_URL=postgres://… manage.py referrals_attack "
                "plays those, too, in a database of its own."
            )
        if count[scoreboard.BROKEN]:
            self.stderr.write(said)
            names = [name for line in lines for name in line.broken]
            raise CommandError("These broke: " + ", ".join(names))


def _rules():
    campaign = Campaign.objects.filter(is_default=True).first()
    newest = campaign and terms.newest(campaign, settings.SHOP_CURRENCY)
    if not newest:
        raise CommandError("This shop has no offer whose terms could be taken.")
    return model_to_dict(newest, exclude=["id", *_NOT_RULES])


def _play(folders, report, rules):
    # No key of the shop's own account goes along.
    env = {k: v for k, v in os.environ.items() if not k.startswith("STRIPE_")}
    env.pop("ATTACK_TERMS", None)
    if rules is not None:
        env["ATTACK_TERMS"] = json.dumps(rules, cls=DjangoJSONEncoder)
    asked = [
        *[sys.executable, "-m", "pytest", *map(str, folders), "-q", "--no-header"],
        *["-c", str(BASE / "pyproject.toml"), "--rootdir", str(BASE)],
        *["-p", "no:cacheprovider", "-p", "referrals.testing.drill"],
        *["-m", "not redis and not browser", f"--junitxml={report}"],
    ]
    played = subprocess.run(asked, cwd=BASE, env=env, capture_output=True, text=True)
    return played.stdout + played.stderr
