"""How often the intervals of agreement hold the truth: a Monte Carlo of stated designs.

    python docs/results_coverage.py [--trials 2000]

Values are like water T1 in ms. The true value of region j of subject i is 1300 + A_i + B_ij; the
reference adds an error E, the test another one, an offset and a shift D_i that all regions of a
subject share. All are normal and independent; their standard deviations are in `Design`. Every
trial goes through `agreement`, so that what is measured is what is printed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from napari_mrf.analysis.agreement.agreement_table import agreement_row
from napari_mrf.analysis.agreement.errors_in_both import deming, passing_bablok
from napari_mrf.analysis.agreement.statistics import Agreement, agreement


@dataclass(frozen=True)
class Design:
    """One population and how it is sampled; all spreads are standard deviations in ms.

    Parameters
    ----------
    name : str
    subjects, regions : int
        How many, and how many of each subject at most.
    unbalanced : bool
        1 to `regions` regions a subject, all numbers equally likely.
    growing : bool
        Spreads of errors and shifts grow linearly with the true value t, by the factor
        1 + (t - 1300) / 600: they double from 1100 to 1500, two standard deviations of t to
        either side.
    between, within : float
        Of the true values between subjects and between the regions of a subject.
    error, shift : float
        Of E and of D.
    offset : float
        Reference - test on average.
    """

    name: str
    subjects: int
    regions: int
    unbalanced: bool = False
    growing: bool = False
    between: float = 80.0
    within: float = 60.0
    error: float = 16.0
    shift: float = 12.0
    offset: float = 10.0

    def truth(self) -> dict[str, float]:
        """Return what intervals should hold, by the names of `held`."""
        true = self.between**2 + self.within**2
        # The mean of the squared factor, with the variance of (t - 1300) / 600.
        grown = 1.0 + true / 600.0**2 if self.growing else 1.0
        x, y = true + grown * self.error**2, true + grown * (self.error**2 + self.shift**2)
        limit = 1.96 * np.sqrt(x + y - 2 * true)
        agree = 2 * true / (x + y + self.offset**2)
        return {
            "bias": self.offset, "lower": self.offset - limit, "upper": self.offset + limit,
            "icc_2_1": agree, "icc_3_1": 2 * true / (x + y), "ccc": agree,
        }  # fmt: skip

    def draw(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[int]]:
        """Return reference, test and subject of every region of one study."""
        counts = np.full(self.subjects, self.regions)
        if self.unbalanced:
            counts = random.integers(1, self.regions + 1, self.subjects)
        who = np.repeat(np.arange(self.subjects), counts)
        of_subject, shift = random.normal(0, 1, (2, self.subjects))[:, who]
        of_region, first, second = random.normal(0, 1, (3, len(who)))
        true = self.between * of_subject + self.within * of_region
        factor = 1 + true / 600 if self.growing else 1.0
        reference = 1300 + true + factor * self.error * first
        change = self.error * second - self.shift * shift
        return reference, 1300 + true - self.offset + factor * change, who.tolist()


SUBJECTS = (5, 10, 30)
DESIGNS = [
    design(subjects=subjects)
    for design in (
        partial(Design, "normal", regions=1),
        partial(Design, "normal", regions=12),
        partial(Design, "unbalanced", regions=12, unbalanced=True),
        partial(Design, "SD doubling", regions=1, growing=True),
        partial(Design, "SD doubling", regions=12, growing=True),
    )
    for subjects in SUBJECTS
]
INDEPENDENT_DESIGN = Design("no subject effect", 10, 12, between=0.0, within=100.0, shift=0.0)
"""Under which regions are independent."""


def intervals(found: Agreement) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the intervals of every statistic, by what they rest on."""
    coefficients = {
        "default": found.coefficients,
        "independent regions": found.simple_coefficients,
    }
    levels = {
        "default": found.limits,
        "independent regions": found.simple,
        "bootstrap": found.bootstrap,
    }
    table = {
        kind: {name: getattr(one, f"{name}_interval") for name in ("bias", "lower", "upper")}
        for kind, one in levels.items()
    }
    for kind, three in coefficients.items():
        table[kind] |= {name: one.interval for name, one in three._asdict().items()}
    return table


def coverage(design: Design, trials: int, seed: int = 0) -> pd.DataFrame:
    """Return the share of trials whose interval holds the truth.

    Returns
    -------
    pandas.DataFrame
        A row for each kind of interval, a column for each statistic, in percent of the trials
        with an interval; NaN where it is withheld.
    """
    random, truth = np.random.default_rng(seed), design.truth()
    held = []
    for _ in range(trials):
        found = agreement(*design.draw(random))
        held += [
            {"kind": kind} | {
                name: float(low < truth[name] < high) if np.isfinite(low) else np.nan
                for name, (low, high) in of.items()
            }
            for kind, of in intervals(found).items()
        ]  # fmt: skip
    return 100 * pd.DataFrame(held).groupby("kind", sort=False).mean()


RELATIVE = ("bias", "lower limit", "upper limit")
LINES = ("Deming slope", "Deming intercept", "Passing-Bablok slope", "Passing-Bablok intercept")


def other_coverage(design: Design, trials: int, seed: int = 0) -> pd.Series:
    """Return the share of trials in which lines and limits of ratios hold the truth, in percent.

    The line of the truth is test = reference - offset; Deming is given the true ratio of error
    variances. For the limits of ratios the values of the design are taken as logarithms, in
    per mille: exp(value / 1000).

    Returns
    -------
    pandas.Series
        By `LINES` and `RELATIVE`; NaN where an interval is withheld.
    """
    random, truth = np.random.default_rng(seed), design.truth()
    ratio = (design.error**2 + design.shift**2) / design.error**2
    held: list[dict[str, float]] = []
    for _ in range(trials):
        reference, test, who = design.draw(random)
        one: dict[str, float] = {}
        for name, line in (
            ("Deming", deming(reference, test, who, error_ratio=ratio)),
            ("Passing-Bablok", passing_bablok(reference, test, who)),
        ):
            for what, value, (low, high) in (
                ("slope", 1.0, line.slope_interval),
                ("intercept", -design.offset, line.intercept_interval),
            ):
                one[f"{name} {what}"] = float(low < value < high) if np.isfinite(low) else np.nan
        values = np.exp(reference / 1000), np.exp(test / 1000)
        found = agreement_row("T1", agreement(*values, who, limits="ratio"))
        for name, key in zip(RELATIVE, ("bias", "lower", "upper"), strict=True):
            low, high = (found[f"relative_{key}_{end}"] for end in ("low", "high"))
            one[name] = float(low < np.exp(truth[key] / 1000) < high)
        held.append(one)
    return 100 * pd.DataFrame(held)[[*LINES, *RELATIVE]].mean()


def rows(designs: list[Design], kinds: tuple[str, ...], trials: int) -> list[str]:
    """Return rows of a Markdown table."""
    lines = []
    for design in designs:
        table = coverage(design, trials)
        regions = f"1-{design.regions}" if design.unbalanced else str(design.regions)
        for kind in kinds:
            if table.loc[kind].isna().all():
                continue
            cells = ["" if np.isnan(one) else f"{one:.1f}" for one in table.loc[kind]]
            name = [kind] if len(kinds) > 1 else []
            lines.append(
                f"| {' | '.join([*name, design.name, str(design.subjects), regions, *cells])} |"
            )
            print(lines[-1], flush=True)
    return lines


def other_rows(designs: list[Design], trials: int) -> None:
    """Print rows of the Markdown table of lines and limits of ratios."""
    for design in designs:
        cells = ["" if np.isnan(one) else f"{one:.1f}" for one in other_coverage(design, trials)]
        regions = f"1-{design.regions}" if design.unbalanced else str(design.regions)
        print(f"| {' | '.join([design.name, str(design.subjects), regions, *cells])} |", flush=True)


def main() -> None:
    """Print the three tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=2000)
    trials = options.parse_args().trials
    names = "bias | lower limit | upper limit | ICC(2,1) | ICC(3,1) | CCC"
    print(f"| design | subjects | regions | {names} |\n|{'---|' * 9}")
    rows(DESIGNS, ("default",), trials)
    print(f"\n| intervals | design | subjects | regions | {names} |\n|{'---|' * 10}")
    several = [design for design in DESIGNS if design.regions > 1]
    rows([INDEPENDENT_DESIGN, *several], ("independent regions", "bootstrap"), trials)
    names = " | ".join([*LINES, *(f"ratio, {one}" for one in RELATIVE)])
    print(f"\n| design | subjects | regions | {names} |\n|{'---|' * 10}")
    other_rows(DESIGNS, trials)


if __name__ == "__main__":
    main()
