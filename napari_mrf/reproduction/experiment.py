"""Settings and outcome of an experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

Progress = Callable[[str, int, int], None]
"""Told the stage in words, how much of it is done, and of how much."""


def silent(stage: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Settings:
    """Settings of an experiment.

    Parameters
    ----------
    quick : bool
        On a small part of the data: shows that the experiment works, not its numbers.
    train : bool
        Train the paper's networks first, where the experiment can.
    minutes : float, optional
        For each training at most.
    device : str
        As in `napari_mrf.methods.get`.
    weights : Path, optional
        A folder of networks beside the installed ones.
    maps : Path, optional
        Maps of a real thigh (`.npz`), for the experiments on images.
    folder : Path, optional
        Where networks that are trained are kept; needed to train in full.
    progress : callable
        See `Progress`.
    """

    quick: bool = False
    train: bool = False
    minutes: float | None = None
    device: str = "cpu"
    weights: Path | None = None
    maps: Path | None = None
    folder: Path | None = None
    progress: Progress = silent


@dataclass(frozen=True)
class Outcome:
    """Results of an experiment.

    Parameters
    ----------
    text : str
        Markdown: tables beside those of the paper, and what to know about them.
    tables : dict of str to DataFrame
        All numbers, by the stem of their file.
    figures : dict of str to Figure
        By the stem of their file.
    record : dict
        JSON-ready: data, seeds, weights.
    """

    text: str
    tables: dict[str, pd.DataFrame]
    figures: dict[str, Figure] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Experiment:
    """A row of the registry.

    Parameters
    ----------
    name : str
        On the command line.
    title : str
        One line for a user.
    source : str
        Paper, table or figure.
    run : callable
        Takes `Settings` and returns an `Outcome`.
    """

    name: str
    title: str
    source: str
    run: Callable[[Settings], Outcome]
