"""How often an implausible fit is told, and how often a valid series is: the tables of matching.md.

    python docs/results_plausibility.py [--seeds 8]

The series are those of the tests, `tests/plausibility_cases.py`: simulated thighs and heads with a
fault done to them, and valid ones that look odd.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from napari_mrf.reconstruction.plausibility import Plausibility

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from plausibility_cases import (
    DECIBELS,
    SEQUENCES,
    TO_SIGNALS,
    faulty,
    odd_but_valid,
)


def judged(name: str, signals: np.ndarray) -> tuple[str, ...] | None:
    """Return the causes told, None where nothing is."""
    sequence = SEQUENCES[name]
    warnings = Plausibility(sequence, np.arange(sequence.n_frames), signals).warnings(len(signals))
    return warnings[0].causes if warnings else None


def count_faults(name: str, cause: str, seeds: int) -> str:
    """Return a row: faults, those told, and those told with their cause."""
    causes = []
    for seed in range(seeds):
        levels = [(decibels, False) for decibels in DECIBELS]
        for decibels, undersampled in [*levels, (20.0, True)] if seed < 2 else levels:
            signals = faulty(name, cause, decibels, seed, undersampled=undersampled)
            if signals is not None:
                causes.append(judged(name, signals))
    told = sum(one is not None for one in causes)
    right = sum(one is not None and cause in one for one in causes)
    return f"| {name} | `{cause}` | {len(causes)} | {told} | {right} |"


def count_valid(name: str, seeds: int) -> str:
    """Return a row: valid series, and those that a warning is about."""
    found: Counter[str] = Counter()
    for seed in range(seeds):
        for what, signals in odd_but_valid(name, seed):
            is_told = judged(name, signals) is not None
            found["told"] += is_told
            found["series"] += 1
            if is_told:
                print(f"told: {name}, seed {seed}, {what}", file=sys.stderr)
    return f"| {name} | {found['series']} | {found['told']} |"


def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=8)
    seeds = options.parse_args().seeds
    print("| sequence | fault | series | told | with its cause |\n|---|---|---|---|---|")
    for name in SEQUENCES:
        for cause in (*TO_SIGNALS, "other-sequence"):
            if (name == "t1ff") or cause != "phase-sign":
                print(count_faults(name, cause, seeds), flush=True)
    print("\n| sequence | valid series | told |\n|---|---|---|")
    for name in SEQUENCES:
        print(count_valid(name, seeds), flush=True)


if __name__ == "__main__":
    main()
