import re
import xml.etree.ElementTree as ET

import pytest
from django.template.loader import render_to_string

from shop.kit import charts
from shop.kit.charts import Series

WEEKS = ["4 May", "11 May", "18 May"]


def page(chart):
    return render_to_string("admin/chart.html", {"chart": chart})


def drawing(chart):
    return ET.fromstring(re.search(r"<svg.*</svg>", page(chart), re.DOTALL)[0])


def test_bars_stand_on_the_ground_and_the_highest_reaches_the_top():
    chart = charts.bars("Visits", WEEKS, [Series("Visits", [50, 100, 0])])

    heights = [(bar.y, bar.height) for bar in chart.bars]
    assert heights == [("50", "50"), ("0", "100"), ("100", "0")]
    assert chart.highest == "100"


def test_bars_of_two_series_do_not_overlap():
    chart = charts.bars("Both", WEEKS, [Series("A", [1, 2, 3]), Series("B", [3, 2, 1])])

    edges = sorted((float(b.x), float(b.x) + float(b.width)) for b in chart.bars)
    assert edges[0][0] >= 0
    assert edges[-1][1] <= charts.BOX
    for (_, end), (start, _) in zip(edges, edges[1:], strict=False):
        assert end <= start + 0.02


def test_a_bar_alone_is_no_wall_and_stands_in_the_middle():
    (bar,) = charts.bars("Owed", ["May"], [Series("Owed", [5])]).bars

    assert (bar.x, bar.width) == ("45", "10")


def test_few_bars_have_all_their_names_below_and_many_the_first_and_the_last():
    few = charts.bars("Visits", WEEKS, [Series("Visits", [1, 2, 3])])
    many = charts.bars("Visits", WEEKS * 3, [Series("Visits", [1, 2, 3] * 3)])

    assert few.ends == WEEKS
    assert many.ends == ["4 May", "18 May"]


def test_a_line_goes_from_edge_to_edge():
    chart = charts.lines("Visits", WEEKS, [Series("Visits", [0, 5, 10])])

    assert chart.lines[0].points == "0,100 50,50 100,0"


def test_each_line_has_a_drawing_and_a_scale_of_its_own():
    series = [Series("Visits", [0, 500, 1000]), Series("Orders", [0, 1, 2])]
    chart = charts.lines("Visits", WEEKS, series)

    assert [(line.points, line.highest) for line in chart.lines] == [
        ("0,100 50,50 100,0", "1000"),
        ("0,100 50,50 100,0", "2"),
    ]
    text = page(chart)
    assert text.count("<svg") == 2
    assert re.findall(r"chart__scale\">\s*<span>(\d+)</span><span>0<", text) == [
        "1000",
        "2",
    ]


def test_one_figure_alone_is_a_level_line():
    chart = charts.lines("Visits", WEEKS[:1], [Series("Visits", [7])])

    assert chart.lines[0].points == "0,0 100,0"


def test_every_figure_of_the_drawing_stands_in_the_table():
    chart = charts.bars(
        "Money", WEEKS, [Series("Cost", [100, 250, 9])], shows=lambda n: f"${n}"
    )

    text = page(chart)
    cells = re.findall(r"<td>([^<]+)</td>", text)
    assert cells == ["$100", "$250", "$9"]
    says = [each.text for each in drawing(chart).iter("title")]
    assert says == ["4 May, Cost: $100", "11 May, Cost: $250", "18 May, Cost: $9"]


@pytest.mark.parametrize("labels", [[], WEEKS])
def test_a_chart_of_nothing_says_so(labels):
    chart = charts.lines("Visits", labels, [Series("Visits", [0] * len(labels))])

    assert "Nothing in this time." in page(chart)
    assert "<svg" not in page(chart)


def test_a_drawing_is_fit_for_the_strict_policy_and_for_names():
    hostile = '"><script>alert(1)</script>'
    chart = charts.bars(hostile, [hostile], [Series(hostile, [1])])

    text = page(chart)

    assert "<script" not in text
    assert not re.search(r"\s(style|on\w+)=", text.replace("&quot;", ""))
    assert drawing(chart).get("aria-label").startswith(hostile)


def test_a_series_without_a_figure_for_each_label_is_a_mistake():
    with pytest.raises(ValueError, match="one figure"):
        charts.bars("Visits", WEEKS, [Series("Visits", [1])])
