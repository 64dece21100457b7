"""The 58 ways to cheat that the programme is drilled against, and how each has ended.

A script is any number of tests named `test_abuse_07_…`; it held if all of them did.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

HELD, BROKEN, MISSING = "held", "broken", "missing"

TITLES = [
    "An image on a forum that opens a link",
    "A hidden frame that opens a link",
    "A window behind the window",
    "A code smuggled into a harmless address",
    "A cookie made by hand",
    "A cookie copied from somebody else",
    "A session fixed before somebody signs in",
    "An old customer who opens a link",
    "An old customer who comes back as a new one",
    "A coupon site that claims the sale at checkout",
    "Two inviters for one friend at once",
    "A link opened beside the sign-up form",
    "Trying codes one after the other",
    "Codes that follow from something known",
    "Names and brands taken as codes",
    "Previews of messengers that count as people",
    "Pages fetched ahead that count as people",
    "Invisible and look-alike letters in a code",
    "A link that leads to another site",
    "A link whose stored destination is elsewhere",
    "A link that leads to itself",
    "Script in names, labels and addresses",
    "A cookie that breaks every page",
    "A flood of clicks with made-up codes",
    "Headers of ten kilobytes",
    "Forms sent from another site",
    "Oneself under a second address",
    "One mailbox under many spellings",
    "One card under two names",
    "A card hidden behind a telephone's wallet",
    "A whole household",
    "A ring of friends",
    "Fifty accounts of throw-away mail",
    "An old customer who buys as a guest",
    "An account taken over for its balance",
    "A refund after the reward",
    "A cancellation the day after the waiting time",
    "A refund to below the minimum",
    "Refunds in drips",
    "A dispute after the reward",
    "Credit that earns credit",
    "An order that costs nothing",
    "Quantities that bend the sum",
    "Buying much, returning all but the cheapest",
    "One order split into many",
    "News from Stripe twice and in disorder",
    "News from Stripe to two workers at once",
    "News from Stripe that somebody forged",
    "A thank-you page opened without paying",
    "One balance spent twice",
    "Staff who press twice, or both at once",
    "An account closed to escape a debt",
    "Spam sent as invitations",
    "Invitations that tell who is a customer",
    "A name as an insult",
    "A leaderboard farmed, or used to find people",
    "Staff who credit themselves",
    "A budget drained by a bug or an attack",
]

_NUMBER = re.compile(r"test_abuse_(\d+)_")


@dataclass(frozen=True)
class Line:
    """One script: its number, what it tries, how it ended and the tests that broke."""

    number: int
    title: str
    state: str
    broken: tuple[str, ...] = ()

    def __str__(self):
        return f"{self.number:2}  {self.state:<8}{self.title}"


def read(report: Path) -> list[Line]:
    """All 58 from a report in JUnit's format. A test that was skipped shows nothing."""
    tried: dict[int, list[str]] = {}
    for number, name, state in _tests(report):
        broken = tried.setdefault(number, [])
        if state == BROKEN:
            broken.append(name)
    return [
        Line(number, title, _state(tried.get(number)), tuple(tried.get(number, ())))
        for number, title in enumerate(TITLES, 1)
    ]


def _tests(report) -> Iterator[tuple[int, str, str]]:
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("name", "")
        found = _NUMBER.match(name)
        results = {each.tag for each in case}
        if found and "skipped" not in results:
            is_broken = results & {"failure", "error"}
            yield int(found[1]), name, BROKEN if is_broken else HELD


def _state(broken):
    if broken is None:
        return MISSING
    return BROKEN if broken else HELD
