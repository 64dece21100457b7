"""Steps of a visitor on these pages, told upwards with their request.

Sent with `send_robust`: a receiver that fails never costs anybody the page.
"""

from django.dispatch import Signal

# Somebody opened a product's page: `request`, `product_id`.
product_viewed = Signal()
