"""R-L14: a code that is printed small is read all the same."""

import io
import re

import pytest
from PIL import Image

from referrals import pictures

# So long that less repair would do with a smaller code: 25 modules a side, not 29.
URL = "https://shop.example/r/A01B2C3D"
MODULES, QUIET, SCALE = 29, 4, 16


def side_of(whole, form):
    if form == "svg":
        return int(re.search(rb'width="(\d+)"', whole)[1])
    return Image.open(io.BytesIO(whole)).width


@pytest.mark.parametrize("form", ["png", "svg"])
def test_a_code_to_print_mends_stains_and_stands_in_white(form):
    side = side_of(pictures.drawn(URL, form), form)

    assert side == (MODULES + 2 * QUIET) * SCALE


def test_around_the_drawn_code_nothing_is_printed():
    image = Image.open(io.BytesIO(pictures.drawn(URL, "png"))).convert("L")
    border = QUIET * SCALE
    inside = (border, border, image.width - border, image.height - border)

    assert Image.eval(image, lambda value: 255 - value).getbbox() == inside
