"""What the experiments of the papers are run on."""

import numpy as np

from napari_mrf.training.data.tissue import inn_test_grid, inn_validation_and_test


def as_rows(tissues):
    return {tuple(row) for row in np.stack(list(tissues.values()), axis=1)}


def test_test_grid_is_parted_into_the_numbers_of_the_paper_without_overlap():
    validation, test = inn_validation_and_test()
    assert (len(validation["FF"]), len(test["FF"])) == (6_720, 26_880)
    assert as_rows(validation) | as_rows(test) == as_rows(inn_test_grid())
    assert not as_rows(validation) & as_rows(test)


def test_parting_is_the_same_every_time_and_even_over_every_axis():
    validation, again = inn_validation_and_test()[0], inn_validation_and_test()[0]
    for key, values in inn_test_grid().items():
        np.testing.assert_array_equal(validation[key], again[key])
        for value in np.unique(values):
            share = np.mean(validation[key] == value) / np.mean(values == value)
            assert 0.85 < share < 1.15
