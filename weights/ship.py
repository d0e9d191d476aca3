"""Take trained weights into the distributions: ``python weights/ship.py CARD...``.

Half precision where that costs less than 1 % of accuracy; up to 3 MB beside the code, larger
ones in this distribution. The card gets the errors of what is stored, and those of cohen on the
same test data where they are not known yet.
"""

import argparse
from pathlib import Path

from napari_mrf.training.shipping import Places, ship

REPOSITORY = Path(__file__).parents[1]
PLACES = Places(
    beside_the_code=REPOSITORY / "napari_mrf" / "weights",
    larger=REPOSITORY / "weights" / "napari_mrf_weights",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cards", nargs="+", type=Path, help="written by napari-mrf train")
    for path in parser.parse_args().cards:
        card, place = ship(path, PLACES)
        size = place.with_suffix(".safetensors").stat().st_size
        print(f"{place.relative_to(REPOSITORY)}: {card.stored_type}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
