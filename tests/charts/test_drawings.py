"""Drawings of charts: marks are proportional to values, gaps are gaps, texts are escaped."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_server.charts.cells import bar, interval, sparkline
from telemetry_server.charts.columns import HEIGHT, columns_chart, top_share
from telemetry_server.charts.drawing import Dot, Drawing, Line, Path, Rect, Text
from telemetry_server.charts.file_svg import file_svg
from telemetry_server.charts.histogram_file import histogram_svg
from telemetry_server.charts.histogram_view import buckets_of, shown_positions
from telemetry_server.charts.lines import LineChart, Series, line_chart
from telemetry_server.charts.page_svg import page_svg

HOSTILE = '<script>alert(1)</script>&"\u202e'
OUTSIDE = re.compile(r"<style|<script|style=|href|url\(|data:")


def of_style(drawing: Drawing, kind: type, style: str) -> list:
    """The marks of one kind and style."""
    return [mark for mark in drawing.marks if isinstance(mark, kind) and mark.style == style]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=100))
def test_columns_are_as_high_as_their_shares(shares):
    """In proportion to the top of the scale; an empty bucket has none."""
    top = top_share(shares)
    columns = of_style(columns_chart([str(n) for n in range(len(shares))], shares, top=top), Rect, "s1")

    assert [column.height for column in columns] == pytest.approx(
        [share / top * HEIGHT for share in shares if share > 0]
    )


def test_a_compared_histogram_is_a_tick_at_each_of_its_buckets():
    """Over the whole width of the bucket."""
    drawing = columns_chart(["0", "1"], [0.5, 0.5], compared=[0.25, 0.75], top=1.0)
    ticks = of_style(drawing, Rect, "s2")

    assert [(tick.x, tick.width) for tick in ticks] == [(0, 50), (50, 50)]
    assert [tick.y for tick in ticks] == [HEIGHT * 0.75, HEIGHT * 0.25]


def evolution(**changes) -> Drawing:
    """A chart of five groups with a gap."""
    series = [Series("p50", [1.0, 2.0, None, 4.0, 4.0], "s1 strong")]
    return line_chart(LineChart(**{"groups": ["a", "b", "c", "d", "e"], "series": series, **changes}))


def test_a_group_without_data_is_a_gap():
    """Two lines, none of which crosses it, and no point at 0."""
    lines = of_style(evolution(), Path, "s1 strong")

    assert [[x for x, _ in line.points] for line in lines] == [[10, 30], [70, 90]]


def test_a_single_group_between_gaps_is_a_dot():
    """A line of one point would not be seen."""
    drawing = evolution(series=[Series("p50", [None, 3.0, None, None, None], "s1")])

    assert [dot.x for dot in of_style(drawing, Dot, "s1")] == [30]


def test_the_last_group_is_dashed_while_it_grows():
    """And only then."""
    assert not of_style(evolution(), Path, "s1 strong unfinished")
    dashed = of_style(evolution(is_unfinished=True), Path, "s1 strong unfinished")
    assert [[x for x, _ in line.points] for line in dashed] == [[70, 90]]


def test_bars_are_as_high_as_their_numbers():
    """Below the lines, with the largest in words."""
    drawing = evolution(bars=[10, 20, None, 40, 5])

    assert [bar.height for bar in of_style(drawing, Rect, "s5")] == [7.5, 15, 30, 3.75]
    assert "samples, up to 40" in [mark.text for mark in drawing.marks if isinstance(mark, Text)]


def test_changes_and_the_chosen_group_have_lines():
    """A change is between two groups, the choice in the middle of its own."""
    drawing = evolution(marks=[(3, "A")], at=1)

    assert [line.x1 for line in of_style(drawing, Line, "change")] == [60]
    assert [line.x1 for line in of_style(drawing, Line, "at")] == [30]


def test_the_names_at_the_ends_of_lines_do_not_cover_each_other():
    """They keep their order."""
    series = [Series(f"p{n}", [1.0 + n / 1000] * 5, "s1") for n in range(5)]
    ends = sorted(label.y for label in evolution(series=series).ends)

    assert all(after - before >= 12 for before, after in pairwise(ends))


@pytest.mark.parametrize("count", [1, 7, 100, 330])
def test_there_are_at_most_twelve_labels_along_x(count):
    """However many groups there are; where it is narrow at most three long ones."""
    drawing = columns_chart([f"{number:08}" for number in range(count)], [0.1] * count, top=1.0)
    labels = [mark for mark in drawing.marks if isinstance(mark, Text)]

    assert 1 <= len(labels) <= 12
    assert len([label for label in labels if label.style != "second"]) <= 3


def test_a_page_has_classes_and_a_file_has_attributes():
    """Neither has a style, a script or anything from outside; texts are escaped."""
    drawing = columns_chart([HOSTILE], [1.0], top=1.0)
    page, file = page_svg(drawing), file_svg(drawing, HOSTILE, (HOSTILE,))

    for text in (page, file):
        assert not OUTSIDE.search(text)
        assert "&lt;script&gt;" in text
    assert 'class="s1"' in page
    assert "class=" not in file
    assert ElementTree.fromstring(file).tag.endswith("svg")
    assert ElementTree.fromstring(f"<div>{page}</div>") is not None


def test_pictures_in_cells_keep_inside_of_the_cell():
    """Whatever their numbers are."""
    intervals = (interval(1, 2, 3, 0, 4), interval(1, 1, 1, 1, 1))
    for picture in (bar(0.5, 0.9), bar(7.0), *intervals, sparkline([0, 3])):
        svg = ElementTree.fromstring(picture)
        for rect in svg:
            assert 0 <= float(rect.get("x", 0)) <= 100
            assert float(rect.get("x", 0)) + float(rect.get("width")) <= 100.01


ROW = {"group": "20261118", "starts": [0, 1, 3, 8], "counts": [0, 3, 101, 1], "samples": 105}


def test_buckets_have_both_bounds_and_their_share():
    """The last one has no upper end; enumerated ones are single values."""
    buckets = buckets_of("exponential", ROW)

    assert [bucket.span for bucket in buckets] == ["0 to 1", "1 to 3", "3 to 8", "8 or more"]
    assert [bucket.name for bucket in buckets] == ["0", "1", "3", "8+"]
    assert sum(bucket.share for bucket in buckets) == pytest.approx(1)
    assert [each.name for each in buckets_of("enumerated", ROW)] == ["0", "1", "3", "8 or more"]
    assert [each.name for each in buckets_of("boolean", {"starts": [0, 1, 2], "counts": [1, 2, 0]})] == [
        *("false", "true", "2")
    ]


def test_of_many_buckets_those_with_counts_are_shown():
    """And one more on both sides; of few buckets all are."""
    many = {"starts": list(range(200)), "counts": [0] * 50 + [1] * 3 + [0] * 147}

    assert shown_positions(ROW, None) == range(4)
    assert shown_positions(many) == range(49, 54)
    assert shown_positions({"starts": list(range(200)), "counts": [0] * 200}) == range(0)


def test_the_file_of_a_histogram_says_what_it_is_of():
    """Its name, the counts, and what is compared."""
    row = {**ROW, "instances": 4, "pings": 3, "clients": 2}
    answer = {
        "metric": HOSTILE,
        "kind": "exponential",
        "weight": "samples",
        "rows": [row],
        "compare": {"group": "155", "row": row},
    }
    text = histogram_svg(answer)

    assert "105 samples in 4 histograms of 3 pings from 2 clients" in text
    assert "Ticks: 155" in text
    assert not OUTSIDE.search(text)
    assert "\u202e" not in text
