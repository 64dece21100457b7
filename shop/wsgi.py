"""The web server's entry: `gunicorn shop.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from shop import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = get_wsgi_application()
checks.refuse_another_currency()
