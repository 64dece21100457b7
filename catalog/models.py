"""What is for sale."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from catalog import cards
from catalog.images import Picture, measure, random_name
from shop.kit.guards import append_only


class CategoryQuerySet(models.QuerySet):
    def shown(self):
        """Branches that customers may see: visible, and so is everything above them."""
        return self.filter(is_shown=True)

    def branch(self, path: str):
        """The branch with this path and everything below it."""
        return self.filter(Q(path=path) | Q(path__startswith=f"{path}/"))


class Category(models.Model):
    """A branch of the shop. `path` is its address: the slugs from the top with slashes.

    `catalog.categories` keeps `path`, `trail` and `is_shown` true, here and below.
    """

    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children"
    )
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80)
    path = models.CharField(max_length=400, unique=True, editable=False)
    trail = models.JSONField(
        default=list, editable=False
    )  # [name, path] of each branch above
    description = models.TextField(blank=True)
    position = models.PositiveIntegerField(default=0)
    is_visible = models.BooleanField(
        "visible", default=True, help_text="A hidden branch hides everything below it."
    )
    is_shown = models.BooleanField("shown", default=True, editable=False)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "categories"
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(parent=None) | ~Q(parent=F("pk")),
                name="category_not_own_parent",
            )
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("catalog:category", args=[self.path])

    @property
    def crumbs(self) -> list["Category"]:
        """The branches above, from the top, without a query."""
        return [Category(name=name, path=path) for name, path in self.trail]


class ProductQuerySet(models.QuerySet):
    def live(self):
        """What customers may see now: in its time, priced, in no hidden branch."""
        return self.filter(
            status=Product.Status.LIVE,
            published_at__lte=timezone.now(),
            lowest_amount__isnull=False,
            category__is_shown=True,
        )

    def below(self, path: str):
        """Products of the shown branches from this path down."""
        return self.filter(category__in=Category.objects.shown().branch(path))

    def in_stock(self):
        return self.filter(
            Exists(
                Variant.objects.filter(
                    product=OuterRef("pk"), is_active=True, stock__gt=0
                )
            )
        )

    def for_cards(self):
        """With what a product card shows, and none of the long texts."""
        return self.defer(
            "description", "care", "specs", "search_text"
        ).prefetch_related(Product.for_sale_prefetch())


class Product(models.Model):
    """What a page describes; what one buys is a Variant."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        LIVE = "live", "Live"
        ARCHIVED = "archived", "Archived"

    category = models.ForeignKey(Category, models.PROTECT, related_name="products")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True)
    summary = models.CharField(max_length=250, blank=True)
    description = models.TextField(blank=True)
    specs = models.JSONField(
        default=dict, blank=True, help_text='{"Materials": "Stoneware"}'
    )
    care = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    published_at = models.DateTimeField(
        default=timezone.now, help_text="A live product is shown from this moment on."
    )
    # Kept by `catalog.products.refresh`. The amount is for sorting: pages print the
    # variants' own. `looks` holds pictures and options as pages show them, which saves
    # a listing three queries; price and stock are never in it.
    lowest_amount = models.PositiveBigIntegerField(null=True, editable=False)
    search_text = models.TextField(blank=True, editable=False)
    looks = models.JSONField(default=dict, editable=False)
    units_sold = models.PositiveBigIntegerField(default=0, editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["category", "-published_at"], name="product_newest"),
            models.Index(
                fields=["-published_at", "-id"],
                condition=Q(status="live"),
                name="product_newest_of_all",
            ),
            models.Index(fields=["category", "lowest_amount"], name="product_cheapest"),
            models.Index(
                fields=["category", "-units_sold"], name="product_best_selling"
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("catalog:product", args=[self.slug])

    @staticmethod
    def for_sale_prefetch() -> models.Prefetch:
        """Fills `product.for_sale` with the active variants, in order."""
        return models.Prefetch(
            "variants", Variant.objects.filter(is_active=True), to_attr="for_sale"
        )

    @property
    def is_live(self) -> bool:
        """What `live()` asks of a set, asked of one row."""
        return (
            self.status == self.Status.LIVE
            and self.published_at <= timezone.now()
            and self.lowest_amount is not None
            and self.category.is_shown
        )

    @cached_property
    def card(self) -> cards.Card:
        """What a listing shows of it. Needs `for_sale`, see `for_cards()`."""
        return cards.deal(self)

    @property
    def pictures(self) -> list[Picture]:
        return [Picture(**picture) for picture in self.looks.get("pictures", [])]


class Option(models.Model):
    """A choice a product offers, such as Colour."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="options")
    name = models.CharField(max_length=40)
    slug = models.SlugField(max_length=40)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "slug"], name="option_once_per_product"
            )
        ]

    def __str__(self):
        return self.name


class OptionValue(models.Model):
    """One answer to an option, such as Sage."""

    option = models.ForeignKey(Option, models.CASCADE, related_name="values")
    name = models.CharField(max_length=40)
    slug = models.SlugField(max_length=40)
    colour = models.CharField(
        max_length=7, blank=True, help_text="#8A967C, for a swatch."
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["option", "slug"], name="value_once_per_option"
            )
        ]

    def __str__(self):
        return self.name


class Variant(models.Model):
    """What one buys: one SKU, one amount, one stock, moved only by `catalog.stock`."""

    product = models.ForeignKey(Product, models.PROTECT, related_name="variants")
    sku = models.CharField("SKU", max_length=40, unique=True)
    name = models.CharField(max_length=120, blank=True, help_text="Oat, medium")
    values = models.ManyToManyField(OptionValue, blank=True, related_name="variants")
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    compare_at_amount = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="The higher amount it had before; struck through.",
    )
    stock = models.IntegerField(default=0, editable=False)
    weight_grams = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField("for sale", default=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(stock__gte=0), name="stock_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(compare_at_amount=None)
                | Q(compare_at_amount__gt=F("amount")),
                name="compare_at_is_higher",
            ),
        ]

    def __str__(self):
        return f"{self.product} ({self.name})" if self.name else str(self.product)

    @property
    def is_sold_out(self) -> bool:
        return self.stock <= 0

    @property
    def is_low(self) -> bool:
        return 0 < self.stock <= settings.LOW_STOCK_FROM

    def get_absolute_url(self):
        return f"{self.product.get_absolute_url()}?v={self.sku}"


class ProductImage(models.Model):
    """A photograph. `renditions` are the widths that stand ready beside it."""

    product = models.ForeignKey(Product, models.CASCADE, related_name="images")
    variant = models.ForeignKey(
        Variant, models.SET_NULL, null=True, blank=True, related_name="images"
    )
    # No width_field: Django would open a missing file on every load of the row.
    file = models.ImageField(upload_to=random_name, max_length=200)
    width = models.PositiveIntegerField(default=0, editable=False)
    height = models.PositiveIntegerField(default=0, editable=False)
    renditions = models.JSONField(default=list, editable=False)
    alt = models.CharField(
        max_length=250, help_text="What the picture shows, for who cannot see it."
    )
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(alt=""), name="image_described")
        ]

    def __str__(self):
        return self.alt

    def save(self, **kwargs):
        if self.file and not self.file._committed:  # a new upload
            self.width, self.height = measure(self.file)
            self.renditions = []
        super().save(**kwargs)

    @property
    def picture(self) -> Picture:
        return Picture(
            name=self.file.name,
            width=self.width,
            height=self.height,
            renditions=self.renditions,
            alt=self.alt,
            variant=self.variant_id,
        )


@append_only
class StockMovement(models.Model):
    """Why the stock of a variant changed; `key` names the one cause."""

    variant = models.ForeignKey(Variant, models.PROTECT, related_name="movements")
    quantity = models.IntegerField(help_text="Pieces; negative when they left.")
    key = models.CharField(max_length=120, unique=True)
    reason = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(quantity=0), name="movement_moves"),
        ]

    def __str__(self):
        return self.key
