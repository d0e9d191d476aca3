"""Keep an unfinished training in the repository: ``python weights/partial.py pack|unpack ...``.

    cd weights
    python partial.py pack DIR/subspacenet.checkpoint partial/t1ff-subspacenet.safetensors
    python partial.py unpack partial/t1ff-subspacenet.safetensors DIR

The second writes a checkpoint into DIR; ``napari-mrf train t1ff-subspacenet --output DIR`` goes on
from there.
"""

import argparse
from pathlib import Path

from napari_mrf.training.loop.checkpoint import read_state
from napari_mrf.training.loop.partial import pack, unpack


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["pack", "unpack"])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    target = arguments.target
    if arguments.what == "unpack":
        network = read_state(arguments.source)[2].network
        target = target / f"{network}.checkpoint"
        if target.exists():
            parser.error(f"{target} is there already: a training that goes on keeps its own state")
    target.parent.mkdir(parents=True, exist_ok=True)
    {"pack": pack, "unpack": unpack}[arguments.what](arguments.source, target)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
