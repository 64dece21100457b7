"""Mailboxes that are one, however their address is spelled: to compare, never to write.

Dots in a Gmail name, anything after a plus, capitals and width make no other person.
"""

import unicodedata

from django.db import models
from django.utils.crypto import salted_hmac

_GMAIL = ("gmail.com", "googlemail.com")

# `canonical` in SQL: the name ends at a plus, the domain follows the @.
_TEMPLATE = (
    f"CASE WHEN {{domain}} IN {_GMAIL} "
    "THEN replace({name}, '.', '') || '@gmail.com' "
    "ELSE {name} || '@' || {domain} END"
)
_NAME = {
    "postgresql": "split_part(split_part(lower({0}), '@', 1), '+', 1)",
    "sqlite": "substr(lower({0}), 1, instr(replace({0}, '+', '@') || '@', '@') - 1)",
}
_DOMAIN = {
    "postgresql": "split_part(lower({0}), '@', 2)",
    "sqlite": "substr(lower({0}), instr({0} || '@', '@') + 1)",
}
_MAILBOX = {
    vendor: _TEMPLATE.format(name=name, domain=_DOMAIN[vendor])
    for vendor, name in _NAME.items()
}


def canonical(email: str) -> str:
    """One form for all spellings of a mailbox."""
    name, _, domain = (
        unicodedata.normalize("NFKC", email).strip().casefold().rpartition("@")
    )
    name = name.partition("+")[0]
    if domain in _GMAIL:
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}"


class _OfEmail(models.Transform):
    """A part of an address in plain letters, by the `sql` of each database."""

    output_field = models.TextField()
    sql: dict[str, str]

    def as_sql(self, compiler, connection, **context):
        email, params = compiler.compile(self.lhs)
        sql = self.sql[connection.vendor]
        return sql.format(email), [*params] * sql.count("{0}")


@models.EmailField.register_lookup
class Mailbox(_OfEmail):
    """The same in the database: `email__mailbox` of an address in plain letters.

    Indexes of orders and accounts hold it, so that asking reads no table.
    """

    lookup_name = "mailbox"
    sql = _MAILBOX


@models.EmailField.register_lookup
class Domain(_OfEmail):
    """What follows the @, in small letters: `email__domain`; accounts have an index."""

    lookup_name = "domain"
    sql = _DOMAIN


def hash_of(email: str) -> str:
    """A keyed hash of the mailbox, for whoever must be recognised and not be known."""
    key = salted_hmac("referrals.mailboxes", canonical(email), algorithm="sha256")
    return key.hexdigest()
