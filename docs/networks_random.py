"""Write the statistics of random subjects beside those of in-vivo maps into docs/networks.md.

    python docs/networks_random.py DATA

DATA holds ``thigh/thigh_maps.npz`` (FF, T1H2O, T1fat, Df, B1, foreground) and
``real/brain_maps/*.npz`` (``qmaps``: T1 and T2 in seconds, real and imaginary PD), which do not
come with this package.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from marked_page import replace

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.phantoms.by_kind import RANDOM_SUBJECTS
from napari_mrf.reproduction.markdown import markdown_table, rounded
from napari_mrf.training.data.phantom_subjects import random_subject

mpl.use("Agg")
import matplotlib.pyplot as plt

PAGE = Path(__file__).parent / "networks.md"
FIGURE = Path(__file__).parent / "images" / "random_subjects.png"
KEYS = {"spoiled": ("FF", "T1H2O", "T1fat", "Df", "B1"), "fisp": ("T1", "T2")}
N_RANDOM, N_PHANTOMS, MATRIX, FAR = 300, 10, 112, 8
SHOWN = ("FF", "T1H2O", "B1")
Maps = dict[str, np.ndarray]


def with_unit(key: str) -> str:
    unit = PARAMETERS[key].unit
    return f"{key} ({unit})" if unit else key


def in_vivo(data: Path) -> dict[str, list[Maps]]:
    """Return the in-vivo maps (Y, X) by kind, NaN outside the tissue."""
    with np.load(data / "thigh" / "thigh_maps.npz") as file:
        inside = np.squeeze(file["foreground"]).astype(bool)
        thigh = {key: np.where(inside, np.squeeze(file[key]), np.nan) for key in KEYS["spoiled"]}
    brains = []
    for path in sorted((data / "real" / "brain_maps").glob("*.npz")):
        with np.load(path) as file:
            t1_s, t2_s, real, imaginary = file["qmaps"]
        maps = {"T1": 1000.0 * t1_s, "T2": 1000.0 * t2_s}
        density = np.hypot(real, imaginary)
        inside = density > 0.1 * np.percentile(density, 99)
        # Only at the ends of what was looked for is no tissue.
        inside &= (maps["T1"] < 4500) & (maps["T2"] < 2500)
        brains.append({key: np.where(inside, one, np.nan) for key, one in maps.items()})
    return {"spoiled": [thigh], "fisp": brains}


def of_people(kind: str) -> list[Maps]:
    """Return the maps of random people, as the other recipes have them."""
    people = [random_subject(kind, np.random.default_rng(seed), MATRIX)
              for seed in range(N_PHANTOMS)]  # fmt: skip
    return [{key: one.maps[key][0] for key in KEYS[kind]} for one in people]


def at_random(kind: str) -> list[Maps]:
    """Return the maps of random subjects."""
    draw = RANDOM_SUBJECTS[kind]
    drawn = [draw((MATRIX, MATRIX), seed=0, index=index) for index in range(N_RANDOM)]
    return [{key: one.maps[key][0] for key in KEYS[kind]} for one in drawn]


def difference(image: np.ndarray, step: int) -> float:
    """Return the mean absolute difference of voxels so many rows or columns apart."""
    pairs = (image[step:] - image[:-step], image[:, step:] - image[:, :-step])
    known = np.concatenate([one[np.isfinite(one)] for one in pairs])
    return float(np.abs(known).mean()) if known.size > 50 else np.nan


def differences(subjects: list[Maps], key: str, step: int) -> np.ndarray:
    """Return the differences of every subject, where the map counts."""
    rule = PARAMETERS[key].validity
    found = [
        difference(one[key] if rule is None else np.where(rule.mask(one["FF"]), one[key], np.nan),
                   step)
        for one in subjects
    ]  # fmt: skip
    return np.array([value for value in found if np.isfinite(value)])


def table(groups: dict[str, dict[str, list[Maps]]]) -> str:
    """Return the differences of all groups, near and far."""
    rows = []
    for kind, keys in KEYS.items():
        for key in keys:
            for step in (1, FAR):
                found = {name: differences(of[kind], key, step) for name, of in groups.items()}
                low, middle, high = np.percentile(found["random subjects"], [5, 50, 95])
                rows.append([
                    with_unit(key), str(step),
                    rounded(float(np.mean(found["in vivo"]))),
                    rounded(float(np.median(found["phantoms"]))),
                    rounded(middle), f"{rounded(low)} to {rounded(high)}",
                ])  # fmt: skip
    header = ["map", "voxels apart", "in vivo", "phantoms of people", "random subjects",
              "90 % of them"]  # fmt: skip
    return markdown_table(header, rows)


def draw(groups: dict[str, dict[str, list[Maps]]]) -> None:
    """Draw maps of one patient, one phantom and random subjects, and how rough all of them are."""
    columns = [("in vivo", groups["in vivo"]["spoiled"][0]),
               ("phantom", groups["phantoms"]["spoiled"][0])]  # fmt: skip
    columns += [(f"random {n}", groups["random subjects"]["spoiled"][n]) for n in (1, 2, 3, 9)]
    keys = KEYS["spoiled"]
    figure = plt.figure(figsize=(12, 9), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(3.2, 1.2))
    axes = upper.subplots(len(SHOWN), len(columns))
    for row, key in zip(axes, SHOWN, strict=True):
        low, high = PARAMETERS[key].display_limits
        for axis, (name, maps) in zip(row, columns, strict=True):
            shown = axis.imshow(maps[key], vmin=low, vmax=high, cmap="viridis",
                                interpolation="nearest")  # fmt: skip
            axis.set_xticks([])
            axis.set_yticks([])
            if key == SHOWN[0]:
                axis.set_title(name)
        row[0].set_ylabel(with_unit(key))
        upper.colorbar(shown, ax=row.tolist(), shrink=0.9)
    for axis, key in zip(lower.subplots(1, len(keys)), keys, strict=True):
        found = differences(groups["random subjects"]["spoiled"], key, 1)
        bins = np.geomspace(found.min(), found.max(), 25)
        axis.hist(found, bins=bins, color="0.7", label="random subjects")
        for name, color in (("in vivo", "C3"), ("phantoms", "C0")):
            value = np.median(differences(groups[name]["spoiled"], key, 1))
            axis.axvline(value, color=color, label=name)
        axis.set_xscale("log")
        axis.set_yticks([])
        axis.set_xlabel(with_unit(key))
    lower.suptitle("Mean difference of neighboring voxels, one count a subject")
    handles, labels = axis.get_legend_handles_labels()
    lower.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.savefig(FIGURE, dpi=75)


def main(data: Path) -> None:
    """Write table and figure."""
    groups = {
        "in vivo": in_vivo(data),
        "phantoms": {kind: of_people(kind) for kind in KEYS},
        "random subjects": {kind: at_random(kind) for kind in KEYS},
    }
    replace(PAGE, "random statistics", table(groups))
    draw(groups)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
