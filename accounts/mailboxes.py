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
_SQL = {
    "postgresql": _TEMPLATE.format(
        name="split_part(split_part(lower({0}), '@', 1), '+', 1)",
        domain="split_part(lower({0}), '@', 2)",
    ),
    "sqlite": _TEMPLATE.format(
        name="substr(lower({0}), 1, instr(replace({0}, '+', '@') || '@', '@') - 1)",
        domain="substr(lower({0}), instr({0} || '@', '@') + 1)",
    ),
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


@models.EmailField.register_lookup
class Mailbox(models.Transform):
    """The same in the database: `email__mailbox` of an address in plain letters.

    Indexes of orders and accounts hold it, so that asking reads no table.
    """

    lookup_name = "mailbox"
    output_field = models.TextField()

    def as_sql(self, compiler, connection, **context):
        email, params = compiler.compile(self.lhs)
        sql = _SQL[connection.vendor]
        return sql.format(email), [*params] * sql.count("{0}")


def hash_of(email: str) -> str:
    """A keyed hash of the mailbox, for whoever must be recognised and not be known."""
    key = salted_hmac("referrals.mailboxes", canonical(email), algorithm="sha256")
    return key.hexdigest()
