"""The numbers of published examples, and the page of the docs that lists them."""

import pytest
from places import REPOSITORY
from published import results


@pytest.mark.parametrize("number", results.numbers(), ids=lambda one: f"{one.data}, {one.what}")
def test_printed_number_is_found_but_for_rounding(number):
    assert number.agrees, (number.printed, number.found)


def test_rounding_excuses_no_other_number():
    assert not results.Number("", "", "0.29", 0.2951).agrees
    assert results.Number("", "", "0.29", 0.2949).agrees
    assert not results.Number("", "", "-79.7", -79.4, 0.2).agrees


def test_page_of_the_docs_holds_the_table_as_it_is_computed():
    page = (REPOSITORY / "docs" / "published_data.md").read_text(encoding="utf-8")
    assert "\n".join(results.table()) in page


def test_data_have_as_many_readings_as_the_papers_say():
    assert len(results.OBSERVER_J) == len(results.MACHINE_S) == 85
    assert len(results.NADLER) == len(results.HURLEY) == 99
    assert len(results.TRIGLYCERIDE) == len(results.GERBER) == 45
    assert len(results.CARDIAC_SUBJECTS) == len(results.IMPEDANCE) == 60
    assert len(results.WRIGHT_AGAIN) == len(results.MINI_AGAIN) == 17
