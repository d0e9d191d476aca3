"""Statistics of agreement on published data, number by number beside what the papers print.

    python docs/results_published.py

The readings are facts from the tables of the papers that are named with each; a table that was
typed wrongly would not give the printed means, standard deviations and limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_mrf.analysis.agreement.bland_altman import bland_altman
from napari_mrf.analysis.agreement.proportional_bias import proportional_bias
from napari_mrf.analysis.agreement.relative import RATIO, relative_limits
from napari_mrf.analysis.agreement.reliability import intraclass_correlations
from napari_mrf.analysis.agreement.repeatability import repeatability
from napari_mrf.analysis.agreement.repeated_measures import limits_2007, limits_2013


def _numbers(text: str) -> np.ndarray:
    return np.array(text.split(), float)


# Bland and Altman 1986, table 1: peak flow in l/min, first and second readings of two meters.
WRIGHT = _numbers("494 395 516 434 476 557 413 442 650 433 417 656 267 478 178 423 427")
WRIGHT_AGAIN = _numbers("490 397 512 401 470 611 415 431 638 429 420 633 275 492 165 372 421")
MINI = _numbers("512 430 520 428 500 600 364 380 658 445 432 626 260 477 259 350 451")
MINI_AGAIN = _numbers("525 415 508 444 500 625 460 390 642 432 420 605 227 467 268 370 443")

# Bland and Altman 1999, table 1: systolic blood pressure in mmHg, first readings of observer J and
# of the machine S.
OBSERVER_J = _numbers(
    "100 108 76 108 124 122 116 114 100 108 100 108 112 104 106 122 100 118 140 150 166 148 174 "
    "174 140 128 146 146 220 208 94 114 126 124 110 90 106 218 130 136 100 100 124 164 100 136 114 "
    "148 160 84 156 110 100 100 86 106 108 168 166 146 204 96 134 138 134 156 124 114 112 112 202 "
    "132 158 88 170 182 112 120 110 112 154 116 108 106 122"
)
MACHINE_S = _numbers(
    "122 121 95 127 140 139 122 130 119 126 107 123 131 123 127 142 104 117 139 143 181 149 173 "
    "160 158 139 153 138 228 190 103 131 131 126 121 97 116 215 141 153 113 109 145 192 112 152 "
    "141 206 151 112 162 117 119 136 112 120 117 194 167 173 228 77 154 154 145 200 188 149 136 "
    "128 204 184 163 93 178 202 162 227 133 202 158 124 114 137 121"
)

# Bland and Altman 1999, table 2: plasma volume in % of normal, by Nadler and by Hurley.
NADLER = _numbers(
    "56.9 63.2 65.5 73.6 74.1 77.1 77.3 77.5 77.8 78.9 79.5 80.8 81.2 81.9 82.2 83.1 84.4 84.9 86 "
    "86.3 86.3 86.6 86.6 86.6 87.1 87.5 87.8 88.6 89.3 89.6 90.3 91.1 92.1 93.5 94.5 94.6 95 95.2 "
    "95.3 95.6 95.9 96.4 97.2 97.5 97.9 98.2 98.5 98.8 98.9 99 99.3 99.3 99.9 100.1 101 101 101.5 "
    "101.5 101.5 101.8 101.8 102.8 102.9 103.2 103.8 104.4 104.8 105.1 105.5 105.7 106.1 106.8 "
    "107.2 107.4 107.5 107.5 108 108.2 108.6 109.1 110.1 111.2 111.7 111.7 112 113.1 116 116.7 "
    "118.8 119.7 120.7 122.8 124.7 126.4 127.6 128.2 129.6 130.4 133.2"
)
HURLEY = _numbers(
    "52.9 59.2 63 66.2 64.8 69 67.1 70.1 69.2 73.8 71.8 73.3 73.1 74.7 74.1 74.1 76 75.4 74.6 79.2 "
    "77.8 80.8 77.6 77.5 78.6 78.7 81.5 79.3 78.9 85.9 80.7 80.6 82.8 86 84.3 87.6 84 85.9 84.4 "
    "85.2 85.2 89.2 87.8 88 88.7 91.2 91.8 92.5 88 93.5 89 89.4 89.2 91.3 90.4 91.2 91.4 93 91.2 "
    "92 91.8 96.8 92.8 94 93.5 95.8 97.1 97.3 95.1 95.8 95.5 95.9 95.4 97.3 97.7 93 97.6 96.1 96.2 "
    "99.5 99.8 105.3 103.6 100.2 100 98.8 110 103.5 109.4 112.1 111.3 108.6 112.4 113.8 115.6 "
    "118.1 116.8 121.6 115.8"
)

# Bland and Altman 1999, table 3: fat of human milk in g/100 ml, by triglyceride and by Gerber.
TRIGLYCERIDE = _numbers(
    "0.96 1.16 0.97 1.01 1.25 1.22 1.46 1.66 1.75 1.72 1.67 1.67 1.93 1.99 2.01 2.28 2.15 2.29 "
    "2.45 2.40 2.79 2.77 2.64 2.73 2.67 2.61 3.01 2.93 3.18 3.18 3.19 3.12 3.33 3.51 3.66 3.95 "
    "4.20 4.05 4.30 4.74 4.71 4.71 4.74 5.23 6.21"
)
GERBER = _numbers(
    "0.85 1.00 1.00 1.00 1.20 1.20 1.38 1.65 1.68 1.70 1.70 1.70 1.88 2.00 2.05 2.17 2.20 2.28 "
    "2.43 2.55 2.60 2.65 2.67 2.70 2.70 2.70 3.00 3.02 3.03 3.11 3.15 3.15 3.40 3.42 3.62 3.95 "
    "4.27 4.30 4.35 4.75 4.79 4.80 4.80 5.42 6.20"
)

# Bland and Altman 2007, table 1: cardiac output in l/min by two methods, twelve subjects.
_CARDIAC = {
    1: "7.83 6.57 7.42 5.62 7.89 6.90 7.12 6.57 7.88 6.35",
    2: "6.16 4.06 7.26 4.29 6.71 4.26 6.54 4.09",
    3: "4.75 4.71 5.24 5.50 4.86 5.08 4.78 5.02 6.05 6.01 5.42 5.67",
    4: "4.21 4.14 3.61 4.20 3.72 4.61 3.87 4.68 3.92 5.04",
    5: "3.13 3.03 2.98 2.86 2.85 2.77 3.17 2.46 3.09 2.32 3.12 2.43",
    6: "5.92 5.90 6.42 5.81 5.92 5.70 6.27 5.76",
    7: "7.13 5.09 6.62 4.63 6.58 4.61 6.93 5.09",
    8: "4.54 4.72 4.81 4.61 5.11 4.36 5.29 4.20 5.39 4.36 5.57 4.20",
    9: "4.48 3.17 4.92 3.12 3.97 2.96",
    10: "4.22 4.35 4.65 4.62 4.74 3.16 4.44 3.53 4.50 3.53",
    11: "6.78 7.20 6.07 6.09 6.52 7.00 6.42 7.10 6.41 7.40 5.76 6.80",
    12: "5.06 4.50 4.72 4.20 4.90 3.80 4.80 3.80 4.90 4.20 5.10 4.50",
}
VENTRICULOGRAPHY = np.concatenate([_numbers(text)[::2] for text in _CARDIAC.values()])
IMPEDANCE = np.concatenate([_numbers(text)[1::2] for text in _CARDIAC.values()])
CARDIAC_SUBJECTS = [who for who, text in _CARDIAC.items() for _ in text.split()[::2]]

# Shrout and Fleiss 1979, table 2: six targets, four judges.
JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


@dataclass(frozen=True)
class Number:
    """One printed number beside the one that is found.

    Parameters
    ----------
    data, what : str
        Of which data, and what.
    printed : str
        As the paper prints it.
    found : float
        By this software.
    tolerance : float, optional
        What rounding in the paper may explain; half of the last printed digit by default.
    """

    data: str
    what: str
    printed: str
    found: float
    tolerance: float | None = None

    @property
    def decimals(self) -> int:
        """Digits after the point that the paper prints."""
        return len(self.printed.partition(".")[2])

    @property
    def agrees(self) -> bool:
        """Whether both are the same but for rounding."""
        room = 0.5 * 10.0**-self.decimals + 1e-9 if self.tolerance is None else self.tolerance
        return abs(self.found - float(self.printed)) <= room


def numbers() -> list[Number]:
    """Return every printed number that this software computes from the same data."""
    return [*_peak_flow(), *_blood_pressure(), *_plasma(), *_milk(), *_cardiac(), *_judges()]


def _peak_flow() -> list[Number]:
    name = "peak flow, 1986"
    found = bland_altman(WRIGHT, MINI, multiplier=2, interval_method="bland-altman-1986")
    rows = [Number(name, "bias", "-2.1", found.bias), Number(name, "SD", "38.8", found.sd)]
    ends = zip(
        ("lower limit (2 SD)", "upper limit (2 SD)", "bias, low end", "bias, high end",
         "lower limit, low end", "lower limit, high end", "upper limit, low end",
         "upper limit, high end"),
        ("-79.7", "75.5", "-22.0", "17.8", "-114.3", "-45.1", "40.9", "110.1"),
        (found.lower, found.upper, *found.bias_interval, *found.lower_interval,
         *found.upper_interval), strict=True,
    )  # fmt: skip
    # The paper goes on with rounded standard deviations and standard errors.
    rows += [Number(name, what, printed, value, 0.2) for what, printed, value in ends]
    for meter, printed, first, second in (
        ("Wright", "43.2", WRIGHT, WRIGHT_AGAIN), ("mini", "56.4", MINI, MINI_AGAIN)
    ):  # fmt: skip
        sd = repeatability(first, second, range(17)).within_sd
        what = f"coefficient of repeatability (2 SD), {meter} meter"
        rows.append(Number(name, what, printed, 2 * np.sqrt(2) * sd, 0.15))
    return rows


def _blood_pressure() -> list[Number]:
    name = "blood pressure, J1 and S1, 1999"
    found = bland_altman(OBSERVER_J, MACHINE_S)
    return [
        Number(name, "bias", "-16.29", found.bias), Number(name, "SD", "19.61", found.sd),
        Number(name, "lower limit", "-54.7", found.lower),
        Number(name, "upper limit", "22.1", found.upper),
    ]  # fmt: skip


def _plasma() -> list[Number]:
    name = "plasma volume, 1999"
    line = proportional_bias(NADLER, HURLEY, range(99))
    found = relative_limits(NADLER, HURLEY, range(99), RATIO, line, by_subjects=False).limits
    return [
        Number(name, "ln of the geometric mean ratio", "0.099", float(np.log(found.bias))),
        Number(name, "ln of the lower limit of ratios", "0.056", float(np.log(found.lower))),
        Number(name, "ln of the upper limit of ratios", "0.141", float(np.log(found.upper))),
    ]


def _milk() -> list[Number]:
    name = "milk, 1999"
    found = proportional_bias(TRIGLYCERIDE, GERBER, range(45))
    return [
        Number(name, "difference over mean, intercept", "0.079", found.intercept),
        Number(name, "difference over mean, slope", "-0.0283", found.slope),
    ]


def _cardiac() -> list[Number]:
    name = "cardiac output, 2007"
    nested = limits_2007(VENTRICULOGRAPHY, IMPEDANCE, CARDIAC_SUBJECTS)
    rows = [
        Number(name, "bias", "0.60", nested.bias),
        Number(name, "lower limit", "-1.34", nested.lower),
        Number(name, "upper limit", "2.54", nested.upper),
    ]
    name = "cardiac output, subjects 1-4, Zou 2013"
    few = np.array(CARDIAC_SUBJECTS) <= 4
    zou = limits_2013(VENTRICULOGRAPHY[few], IMPEDANCE[few], np.array(CARDIAC_SUBJECTS)[few],
                      mean_error="normal")  # fmt: skip
    return [
        *rows,
        Number(name, "lower limit", "-2.14", zou.lower),
        Number(name, "upper limit", "3.59", zou.upper),
        Number(name, "lower limit, low end", "-9.83", zou.lower_interval[0], 0.011),
        Number(name, "lower limit, high end", "-0.33", zou.lower_interval[1], 0.011),
        Number(name, "upper limit, low end", "1.77", zou.upper_interval[0], 0.011),
        Number(name, "upper limit, high end", "11.27", zou.upper_interval[1], 0.011),
    ]


def _judges() -> list[Number]:
    name = "six targets, four judges, 1979"
    absolute, consistent = (one.value for one in intraclass_correlations(np.array(JUDGES)))
    rows = [
        Number(name, "ICC(2,1)", "0.29", absolute), Number(name, "ICC(3,1)", "0.71", consistent)
    ]  # fmt: skip
    for what, printed, one in (("ICC(2,4)", "0.62", absolute), ("ICC(3,4)", "0.91", consistent)):
        mean = 4 * one / (1 + 3 * one)  # Spearman-Brown: of the mean of the four judges
        rows.append(Number(name, f"{what}, from that of one judge", printed, mean))
    return rows


def table() -> list[str]:
    """Return the rows of the Markdown table."""
    lines = ["| data | number | printed | found |", "|---|---|---|---|"]
    for one in numbers():
        found = f"{one.found:.{one.decimals + 2}f}"
        lines.append(f"| {one.data} | {one.what} | {one.printed} | {found} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
