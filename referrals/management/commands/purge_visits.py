from django.core.management.base import BaseCommand

from referrals import retention


class Command(BaseCommand):
    help = (
        "Forget visits, steps and evidence that are old enough. "
        "Safe to repeat and to interrupt."
    )

    def handle(self, **options):
        for what, count in retention.purge().items():
            self.stdout.write(f"{count} {what}")
