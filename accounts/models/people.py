"""Who people are, and where they have things sent."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Upper
from django.utils import timezone

from accounts.mailboxes import Domain, Mailbox
from shop.kit.guards import frozen
from shop.kit.lines import LineField


class UserManager(BaseUserManager):
    use_in_migrations = True

    def create_user(self, email, password=None, **fields):
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        return self.create_user(
            email, password, is_staff=True, is_superuser=True, **fields
        )

    def get_by_natural_key(self, email):
        return self.get(email__iexact=email)


# Reserved for names that never exist.
CLOSED_HOST = "closed.invalid"


@frozen("date_joined")
class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account. The email is the login, in any mix of capitals."""

    email = models.EmailField(max_length=254, unique=True)
    name = LineField(max_length=120, blank=True)
    shows_name = models.BooleanField(
        "may be named to friends",
        default=False,
        help_text="Inviter and friends see a first name and an initial.",
    )
    name_hidden_at = models.DateTimeField(
        "name hidden",
        null=True,
        blank=True,
        editable=False,
        help_text="Somebody objected to the name: nobody reads it until it is changed.",
    )
    is_staff = models.BooleanField("staff", default=False)
    is_active = models.BooleanField("active", default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        constraints = [
            # In capitals, as `iexact` asks: signing in reads its index.
            models.UniqueConstraint(Upper("email"), name="user_email_any_case")
        ]
        indexes = [
            models.Index(Mailbox("email"), name="user_by_mailbox"),
            models.Index(Domain("email"), name="user_by_domain"),
        ]

    def __str__(self):
        return self.email

    @property
    def first_name(self) -> str:
        return self.name.split()[0] if self.name.strip() else ""

    @property
    def is_named(self) -> bool:
        """Whether others may read the name: with consent, and while nobody objects."""
        return self.shows_name and self.name_hidden_at is None

    @property
    def public_name(self) -> str:
        """What friends may read: `Ben K.`, or nothing if the name is not to be read."""
        words = self.name.split()
        if not self.is_named or not words:
            return ""
        return f"{words[0]} {words[-1][0]}." if len(words) > 1 else words[0]

    @staticmethod
    def closed_email(pk: int) -> str:
        """What stands for the address of a closed account: it can be nobody's."""
        return f"closed-{pk}@{CLOSED_HOST}"

    @property
    def is_closed(self) -> bool:
        """Whether its owner has left, and asked to be forgotten."""
        return self.email.endswith(f"@{CLOSED_HOST}")

    def get_short_name(self):
        return self.first_name or self.email


class PostalAddress(models.Model):
    """The fields of an address, shared by the address book and what an order froze."""

    name = models.CharField("full name", max_length=120)
    company = models.CharField(max_length=120, blank=True)
    street = models.CharField("street and number", max_length=250)
    city = models.CharField(max_length=120, blank=True)
    district = models.CharField(max_length=120, blank=True)
    region = models.CharField(max_length=120, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2, help_text="ISO 3166, two letters.")

    class Meta:
        abstract = True

    FIELDS = (
        "name",
        "company",
        "street",
        "city",
        "district",
        "region",
        "postal_code",
        "country",
    )

    def as_dict(self) -> dict[str, str]:
        return {field: getattr(self, field) for field in self.FIELDS}


class Address(PostalAddress):
    """An address a person keeps for next time; orders copy it and never point here."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="addresses"
    )
    used_at = models.DateTimeField(
        default=timezone.now, help_text="The newest is offered first."
    )

    class Meta:
        verbose_name_plural = "addresses"
        ordering = ["-used_at"]

    def __str__(self):
        return f"{self.name}, {self.street}"
