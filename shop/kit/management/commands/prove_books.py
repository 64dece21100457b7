from django.core.management.base import BaseCommand, CommandError

from shop.kit import books


class Command(BaseCommand):
    help = "Check every rule of the books over the whole database, and keep the proof."

    def add_arguments(self, parser):
        parser.add_argument(
            "--no-stripe",
            action="store_true",
            help="Ask nobody else; the database alone.",
        )

    def handle(self, *, no_stripe, **options):
        try:
            proof, findings = books.prove_and_keep(outside=not no_stripe)
        except books.Unreachable as error:
            raise CommandError(f"Nothing is proved: {error}") from error
        for finding in findings:
            self.stdout.write(f"{len(finding.rows):>6}  {finding.rule.says}")
            label = finding.rule.model._meta.label
            for row in finding.rows[: books.MOST_NAMED]:
                self.stdout.write(
                    f"        {label} {row.id}: expected {row.expected}, "
                    f"found {row.found}"
                )
        if proof.mismatch_count:
            raise CommandError(f"{proof.mismatch_count} rows do not add up.")
