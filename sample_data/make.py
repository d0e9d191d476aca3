"""Make the sample data of this folder anew: ``python sample_data/make.py [FOLDER]``."""

import sys
from pathlib import Path

from napari_mrf.phantoms.samples.thigh import make_sample


def main() -> None:
    """Write the sample into the given folder, or beside this file."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    make_sample(folder)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>10,} {path.relative_to(folder)}")


if __name__ == "__main__":
    main()
