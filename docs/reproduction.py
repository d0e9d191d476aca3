"""Remake the tables and figures of docs/reproduction.md.

    python docs/reproduction.py [NAME ...] [--weights FOLDER] [--maps THIGH.npz]

Each experiment is run as `napari-mrf reproduce NAME` does it; what it prints goes between its
two marks in the page, its figure to docs/images. The words around them are written by hand:
read them again afterwards.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from marked_page import replace
from PIL import Image

from napari_mrf.errors import MRFInputError
from napari_mrf.reproduction.experiment import Settings
from napari_mrf.reproduction.experiments import EXPERIMENTS, run_experiment
from napari_mrf.reproduction.save import save_outcome

HERE = Path(__file__).parent
PAGE = HERE / "reproduction.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(EXPERIMENTS))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--maps", type=Path)
    parser.add_argument("--quick", action="store_true", help="to try it out")
    given = parser.parse_args()
    for name in given.names:
        started_s = time.monotonic()
        settings = Settings(quick=given.quick, weights=given.weights, maps=given.maps)
        try:
            outcome = run_experiment(name, settings)
        except MRFInputError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            save_outcome(name, outcome, Path(folder), settings)
            picture = HERE / "images" / f"reproduction_{name}.png"
            save_small(Path(folder) / f"{name}.png", picture)
        figure = f"![{EXPERIMENTS[name].title}](images/{picture.name})"
        replace(PAGE, name, f"{outcome.text}\n\n{figure}")
        print(f"{name}: {time.monotonic() - started_s:.0f} s", file=sys.stderr, flush=True)


def save_small(path: Path, target: Path) -> None:
    """Write a figure at most 1400 pixels wide, in 256 colors."""
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((1400, 1400))
        small.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
