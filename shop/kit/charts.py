"""Charts that the server draws: plain SVG beside the table of the same figures.

Only shapes are drawn here, in a box of 100 by 100 that stretches to its place; words
and numbers are the page's, so that they stay legible on a phone. Colours are classes:
there is no script and no style in it, and light and dark are the stylesheet's affair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

BOX = 100
_GAP = 0.25  # of a bar's place
_WIDEST = 10
_FEW = 6  # labels that have room below the drawing, even on a phone


@dataclass(frozen=True)
class Series:
    """One line or one colour of bars: a name and a figure for each label."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True)
class Bar:
    """A rectangle as SVG writes it, and what it says to whoever points at it."""

    x: str
    y: str
    width: str
    height: str
    series: int
    says: str


@dataclass(frozen=True)
class Line:
    """One series drawn alone: the points of a polyline as SVG writes them, its top."""

    points: str
    says: str
    highest: str


@dataclass(frozen=True)
class Chart:
    """What the template `admin/chart.html` shows: shapes, scales, and the table.

    Bars share one drawing and its scale; each line has its own.
    """

    title: str
    labels: list[str]
    series: list[Series]
    highest: str
    bars: list[Bar] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    shows: Callable[[int], str] = str

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """The same figures as a table: a label and a cell for each series."""
        return [
            (label, [self.shows(each.values[place]) for each in self.series])
            for place, label in enumerate(self.labels)
        ]

    @property
    def names_all(self) -> bool:
        """Whether each group of bars has its label right below it."""
        return bool(self.bars) and len(self.labels) <= _FEW

    @property
    def ends(self) -> list[str]:
        """What stands below the drawing: all labels, or the first and the last."""
        return self.labels if self.names_all else [self.labels[0], self.labels[-1]]

    @property
    def lowest(self) -> str:
        """What stands at the foot of every drawing."""
        return self.shows(0)

    @property
    def is_empty(self) -> bool:
        return not any(any(each.values) for each in self.series)


def bars(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    shows: Callable[[int], str] = str,
) -> Chart:
    """Bars side by side, one group for each label. Figures are zero or more."""
    top = _top(labels, series)
    place = BOX / max(1, len(labels))
    width = min(place * (1 - _GAP) / max(1, len(series)), _WIDEST)
    edge = (place - width * len(series)) / 2
    drawn = [
        Bar(
            x=_round(number * place + edge + order * width),
            y=_round(BOX - BOX * each.values[number] / top),
            width=_round(width),
            height=_round(BOX * each.values[number] / top),
            series=order + 1,
            says=f"{label}, {each.name}: {shows(each.values[number])}",
        )
        for number, label in enumerate(labels)
        for order, each in enumerate(series)
    ]
    return Chart(title, list(labels), list(series), shows(top), drawn, shows=shows)


def lines(
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    shows: Callable[[int], str] = str,
) -> Chart:
    """One drawing for each series, from the first label to the last.

    Each has a scale of its own: of equal lines none hides another, and what is small
    does not lie flat below what is large.
    """
    top = _top(labels, series)
    step = BOX / max(1, len(labels) - 1)
    drawn = []
    for each in series:
        own = _top(labels, [each])
        line = Line(_points(each.values, step, own), each.name, shows(own))
        drawn.append(line)
    return Chart(
        title, list(labels), list(series), shows(top), lines=drawn, shows=shows
    )


def _points(values, step, top):
    # One figure alone is a level line: a polyline of one point is not drawn.
    places = [*enumerate(values)] if len(values) > 1 else [*enumerate([*values] * 2)]
    across = step if len(values) > 1 else BOX
    return " ".join(
        f"{_round(number * across)},{_round(BOX - BOX * value / top)}"
        for number, value in places
    )


def _top(labels, series):
    """The figure at the upper edge; a chart of nothing has one, too."""
    if any(len(each.values) != len(labels) for each in series):
        raise ValueError("Every series has one figure for each label.")
    return max((value for each in series for value in each.values), default=0) or 1


def _round(number):
    """As SVG writes numbers, whatever the language of the page."""
    return f"{round(number, 2):g}"
