"""Who people are and what they own here."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils import timezone

from accounts.mailboxes import Mailbox
from shop.kit import money
from shop.kit.guards import append_only, frozen, kept, same, sums
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
        indexes = [models.Index(Mailbox("email"), name="user_by_mailbox")]

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


@kept
@frozen("owner", "kind", "currency")
@sums("balance", "credits.amount", "debits.amount")
class LedgerAccount(models.Model):
    """One pot of money in one currency: a person's, or one of the shop's own.

    The balance is kept for people's accounts, moved only by `accounts.ledger` in the
    transaction that writes the transfer. The shop's accounts keep none (NULL): they are
    summed when asked, so that no sale waits for another to let go of one hot row.
    """

    class Kind(models.TextChoices):
        WALLET = "wallet", "Wallet"
        HELD = "held", "Held for open orders"
        OWED = "owed", "Owed back"
        FROZEN = "frozen", "On hold"
        PROGRAMME_COST = "programme_cost", "Cost of the referral programme"
        SALES = "sales", "Sales paid by balance"
        GOODWILL = "goodwill", "Goodwill"
        BREAKAGE = "breakage", "Credit that ran out"
        WRITE_OFF = "write_off", "Debt that was let go"
        CLOSED = "closed", "Left behind by closed accounts"

    PERSONAL = (Kind.WALLET, Kind.HELD, Kind.OWED, Kind.FROZEN)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="ledger_accounts",
    )
    kind = models.CharField(max_length=20, choices=Kind)
    currency = models.CharField(max_length=3)
    balance = models.BigIntegerField(null=True, blank=True, help_text="Minor units.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "kind", "currency"], name="account_once"
            ),
            models.UniqueConstraint(
                fields=["kind", "currency"],
                condition=Q(owner=None),
                name="shop_account_once",
            ),
            models.CheckConstraint(
                condition=Q(balance=None) | Q(balance__gte=0),
                name="balance_not_negative",
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        kind__in=["wallet", "held", "owed", "frozen"],
                        owner__isnull=False,
                        balance__isnull=False,
                    )
                    | Q(
                        kind__in=[
                            "programme_cost",
                            "sales",
                            "goodwill",
                            "breakage",
                            "write_off",
                            "closed",
                        ],
                        owner__isnull=True,
                        balance__isnull=True,
                    )
                ),
                name="balance_kept_for_people",
            ),
        ]

    def __str__(self):
        return f"{self.owner or 'the shop'}: {self.get_kind_display()}"


@append_only
@same("currency", "debit.currency", "credit.currency")
class Transfer(models.Model):
    """A positive amount that moved from one account (debit) to another (credit).

    `key` names the one cause, such as `order:17:hold`: a cause can move money once.
    """

    key = models.CharField(max_length=120, unique=True)
    debit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="debits")
    credit = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="credits")
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=30)
    reference = models.CharField(
        max_length=40, blank=True, help_text="An order's code, or empty."
    )
    reason = models.CharField(max_length=200)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_positive"),
            models.CheckConstraint(
                condition=money.in_steps("amount"), name="transfer_in_steps"
            ),
            models.CheckConstraint(condition=~Q(key=""), name="transfer_has_cause"),
            models.CheckConstraint(
                condition=~Q(debit=F("credit")), name="transfer_two_accounts"
            ),
        ]

    def __str__(self):
        return self.key


@kept
@frozen(
    "owner",
    "amount",
    "is_credit",
    "currency",
    "reason",
    "words",
    "token",
    "needs_two",
    "asked_by",
    "asked_at",
)
@frozen("transfer", "decided_by", "decided_at", "refused_because", once="decided_at")
class Adjustment(models.Model):
    """What a member of staff gave somebody or took from them by hand, and why.

    A large one waits until another person has confirmed or refused it.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="adjustments"
    )
    is_credit = models.BooleanField("given", help_text="Given; else taken.")
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200, help_text="For the shop alone.")
    words = models.CharField(max_length=120, help_text="What the member reads.")
    token = models.CharField(
        max_length=64, unique=True, help_text="Of the form: pressed twice, done once."
    )
    needs_two = models.BooleanField("takes two people")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    refused_because = models.CharField(max_length=200, blank=True)
    transfer = models.OneToOneField(
        Transfer, models.PROTECT, null=True, blank=True, related_name="adjustment"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="adjustment_positive"
            ),
            models.CheckConstraint(
                condition=money.in_steps("amount"), name="adjustment_in_steps"
            ),
            models.CheckConstraint(
                condition=~Q(reason="") & ~Q(words=""), name="adjustment_has_reason"
            ),
            models.CheckConstraint(
                condition=~Q(owner=F("asked_by"))
                & (Q(decided_by=None) | ~Q(owner=F("decided_by"))),
                name="nobody_adjusts_their_own",
            ),
            models.CheckConstraint(
                condition=Q(transfer=None)
                | Q(needs_two=False)
                | Q(decided_by__isnull=False) & ~Q(decided_by=F("asked_by")),
                name="large_adjustment_takes_two",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, transfer=None, refused_because="")
                | Q(decided_at__isnull=False, transfer__isnull=False)
                & Q(refused_because="")
                | Q(decided_at__isnull=False, transfer=None, decided_by__isnull=False)
                & ~Q(refused_because=""),
                name="adjustment_posted_or_refused",
            ),
        ]
        indexes = [
            models.Index(fields=["asked_by", "asked_at"], name="adjustment_by_asker"),
            models.Index(fields=["owner", "asked_at"], name="adjustment_by_owner"),
        ]

    def __str__(self):
        signed = self.amount if self.is_credit else -self.amount
        return f"{money.format_money(signed, self.currency)} for {self.owner}"

    @property
    def state(self) -> str:
        if self.transfer_id:
            return "Done"
        return "Refused" if self.decided_at else "Waits for another person"


@kept
@frozen("transfer", "owner", "currency", "amount")
class CreditLot(models.Model):
    """Credit with an end: what one transfer brought into a wallet, and what is left.

    Lots that end first are spent first; credit without a lot has no end.
    """

    transfer = models.OneToOneField(Transfer, models.PROTECT, related_name="lot")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="credit_lots"
    )
    currency = models.CharField(max_length=3)
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    remaining = models.PositiveBigIntegerField(help_text="Minor units.")
    expires_at = models.DateTimeField()
    warned_at = models.DateTimeField(
        null=True, blank=True, help_text="When the last warning was written."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(remaining__lte=F("amount")),
                name="lot_remaining_within_amount",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(remaining__gt=0), name="lot_by_end"
            )
        ]

    def __str__(self):
        return f"{self.owner}: until {self.expires_at:%d %b %Y}"


@kept
@frozen("lot", "transfer", "amount")
class LotUse(models.Model):
    """How much of a lot one transfer took, and how much of that came back later."""

    lot = models.ForeignKey(CreditLot, models.PROTECT, related_name="uses")
    transfer = models.ForeignKey(Transfer, models.PROTECT, related_name="lot_uses")
    amount = models.PositiveBigIntegerField(help_text="Minor units.")
    amount_restored = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lot", "transfer"], name="lot_used_once_per_transfer"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="lot_use_positive"),
            models.CheckConstraint(
                condition=Q(amount_restored__lte=F("amount")),
                name="lot_use_restored_within",
            ),
        ]

    def __str__(self):
        return f"{self.transfer} of {self.lot}"
