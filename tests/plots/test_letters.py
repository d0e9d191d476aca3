"""Names in every script: no two of them may look the same, and none be an empty box."""

import warnings

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure

from napari_mrf.plots import letters
from napari_mrf.plots.figure_files import figure_bytes, settle
from napari_mrf.plots.letters import NOTE, columns, readable
from napari_mrf.report.comparison.pdf_page import Pages

NAMES = ("体 one", "大腿", "plain", "Größe µ")


@pytest.fixture(autouse=True)
def strict():
    """An empty box is a warning of matplotlib."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def no_further_fonts(monkeypatch):
    monkeypatch.setattr(letters, "_family_with", lambda letter, n_fonts: None)


@pytest.fixture
def further_font(tmp_path, monkeypatch):
    """A font of two Chinese letters, and no other of them."""
    pen = TTGlyphPen(None)
    for x, y in ((0, 0), (0, 700), (700, 700), (700, 0)):
        (pen.lineTo if pen.points else pen.moveTo)((x, y))
    pen.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "body", "big"])
    builder.setupCharacterMap({ord("体"): "body", ord("大"): "big"})
    builder.setupGlyf(dict.fromkeys([".notdef", "body", "big"], pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", "body", "big"], (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(
        {"familyName": "Letters Of Test", "styleName": "Regular", "psName": "LettersOfTest"}
    )
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "test.ttf")
    dejavu = [font for font in font_manager.fontManager.ttflist if font.name.startswith("DejaVu")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", dejavu)
    font_manager.fontManager.addfont(tmp_path / "test.ttf")
    for cached in (letters._family_with, letters._has, font_manager.fontManager._findfont_cached):
        cached.cache_clear()
    yield "Letters Of Test"
    for cached in (letters._family_with, letters._has, font_manager.fontManager._findfont_cached):
        cached.cache_clear()


def figure_of(*names):
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    for row, name in enumerate(names):
        axes.text(0.1, row / len(names), name, parse_math=False)
    axes.set_xlabel(names[0], parse_math=False)
    return figure


def test_letters_that_no_font_has_are_escaped_and_noted(no_further_fonts):
    figure = figure_of(*NAMES)
    with readable(figure):
        drawn = [text.get_text() for text in figure.axes[0].texts]
        assert drawn == ["\\u4f53 one", "\\u5927\\u817f", "plain", "Größe µ"]
        assert figure.axes[0].get_xlabel() == "\\u4f53 one"
        assert [text.get_text() for text in figure.texts] == [NOTE]
    assert [text.get_text() for text in figure.axes[0].texts] == list(NAMES)
    assert figure.texts == []


@pytest.mark.parametrize("kind", ["pdf", "png", "svg"])
def test_figures_are_written_without_an_empty_box(no_further_fonts, kind):
    one, other = (figure_bytes(settle(figure_of(name)), kind) for name in ("体", "大"))
    assert one != other
    if kind == "svg":  # who opens it may have the fonts
        assert "体".encode() in one
        assert b"u4f53" not in one


def test_font_of_the_system_that_has_the_letters_is_taken(further_font):
    figure = figure_of("体大 one")
    with readable(figure):
        assert further_font in figure.axes[0].texts[0].get_fontfamily()
        assert figure.axes[0].texts[0].get_text() == "体大 one"
        assert figure.texts == []
    assert further_font not in figure.axes[0].texts[0].get_fontfamily()
    written = figure_bytes(figure, "pdf")
    assert b"LettersOfTest" in written


def test_letters_that_this_font_lacks_are_escaped_alone(further_font):
    figure = figure_of("大腿")
    with readable(figure):
        assert figure.axes[0].texts[0].get_text() == "大\\u817f"


def test_plain_names_are_left_alone():
    figure = figure_of("plain", "a$b$", "Größe µ")
    before = figure.axes[0].texts[0].get_fontfamily()
    with readable(figure):
        assert figure.axes[0].texts[0].get_fontfamily() == before
        assert figure.texts == []


def test_width_counts_what_is_drawn(no_further_fonts, monkeypatch):
    assert columns("plain") == 5
    assert columns("体 x") == len("\\u4f53 x")
    monkeypatch.setattr(letters, "_family_with", lambda letter, n_fonts: "some font")
    assert columns("体 x") == pytest.approx(3.8)


def test_pages_of_the_report_are_readable_and_stay_within_the_margins(no_further_fonts):
    pages = Pages("foot")
    pages.heading("体")
    pages.paragraph("大腿" * 60)
    (page,) = pages.end()
    with letters.readable(page):
        texts = [text.get_text() for text in page.texts]
        right = max(text.get_window_extent().x1 for text in page.texts)
    assert right < 0.95 * page.bbox.width
    assert texts[0] == "\\u4f53"
    assert texts[-1] == NOTE
    assert "".join(texts[1:-2]) == "\\u5927\\u817f" * 60
