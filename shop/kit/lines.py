"""Text of one line that people write: no line break, nothing that steers a terminal.

A name with a line break in it could write a header of its own into a mail, one with a
mark that turns the direction of writing could pose as another.
"""

import unicodedata

from django.db import models

_ISOLATE, _POP = "\u2068", "\u2069"
_TO_THE_LEFT = frozenset({"R", "AL", "AN"})
_TURNS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def one_line(text: str) -> str:
    """The text with single spaces, without control characters. Safe to repeat."""
    plain = "".join(
        letter
        for letter in text
        if letter.isspace()
        or (unicodedata.category(letter) != "Cc" and letter not in _TURNS)
    )
    return " ".join(plain.split())


def isolated(text: str) -> str:
    """The line as it stands in a sentence: read in its own direction, the rest in its.

    What reads from left to right stays as it is. For mails and previews, too, where
    `<bdi>` is not to be had.
    """
    if any(unicodedata.bidirectional(letter) in _TO_THE_LEFT for letter in text):
        return f"{_ISOLATE}{text}{_POP}"
    return text


class LineField(models.CharField):
    """One line in the database, whichever form or script writes it."""

    def pre_save(self, model_instance, add):
        value = self.get_prep_value(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        return one_line(value) if isinstance(value, str) else value

    def deconstruct(self):
        # To a migration it is the column that it is.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
