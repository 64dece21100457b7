from dataclasses import replace

from django.core.management.base import BaseCommand

from shop.sandbox import conf
from shop.sandbox.stripe import server


class Command(BaseCommand):
    """Run the Stripe stand-in beside the shop, on the same file."""

    help = "Serve the Stripe sandbox as a process of its own."

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=8010)
        parser.add_argument(
            "--host", default="127.0.0.1", help="Keep it on this machine (default)."
        )

    def handle(self, *, port, host, **options):
        base = f"http://{host}:{port}"
        config = replace(conf.from_settings(), public_base=base)
        self.stdout.write(f"Stripe sandbox at {base} (STRIPE_API_BASE={base})")
        try:
            server.serve(config, host, port)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
