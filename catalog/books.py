"""What must be true of the stock."""

from catalog.models import Variant
from shop.kit import books


@books.rule("Stock is the sum of its movements", Variant)
def stock():
    return books.ask(
        """
        SELECT variant.id, COALESCE(moved.total, 0), variant.stock
        FROM catalog_variant variant
        LEFT JOIN (
            SELECT variant_id, SUM(quantity) AS total
            FROM catalog_stockmovement
            GROUP BY variant_id
        ) moved ON moved.variant_id = variant.id
        WHERE variant.stock <> COALESCE(moved.total, 0)
        ORDER BY variant.id
        """
    )
