"""Words of members in mails of the shop: nothing in them can be followed.

A link in a mail that the shop signs would be a phisher's dream, so whatever a mail
program or a willing reader could turn into an address is taken out.
"""

import re
import unicodedata

MOST = 200

_DOT = r"(?:[.\u3002\u2022\u2027\u00b7]|[\[({<]\s*(?:\.|dot|punkt)\s*[\])}>])"
# What ends an address often enough to be one even after "x. com".
_ENDS = (
    "com|net|org|info|biz|io|co|app|dev|shop|store|xyz|top|site|online|link|click|live"
    "|me|tv|cc|gg|ly|to|ru|cn|de|uk|eu|us|fr|nl|in|br"
)
_FOLLOWED = re.compile(
    "|".join(
        [
            r"\b[a-z][a-z0-9+-]*\s*:\s*[/\\]+\s*\S*",  # http://x, hxxp : // x
            r"\b(?:mailto|tel|sms|data|javascript)\s*:\s*\S*",
            r"[/\\]{2}\S*",
            r"\bwww\b\s*\S*",
            r"\S*@\S*",
            rf"\w+(?:\s*{_DOT}\w\S*)+",  # x.com, x .com
            rf"\w+\s+{_DOT}\s*\w\S*",  # x . com
            r"\w+\s*[\[({<]\s*(?:\.|dot|punkt)\s*[\])}>]\s*\S*",  # x[.]com
            rf"\w+\s+(?:dot|punkt)\s+(?:{_ENDS})\b\S*",  # x dot com
            rf"\w+{_DOT}\s+(?:{_ENDS})\b\S*",  # x. com
        ]
    ),
    re.IGNORECASE,
)


def words(text: str, most: int = MOST) -> str:
    """The text on one line, without anything to follow, and no longer than `most`."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(
        " " if letter.isspace() else letter
        for letter in text
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    before = None
    while before != text:  # what is left may make another one
        before, text = text, _FOLLOWED.sub(" ", text)
    return " ".join(text.split())[:most].strip()
