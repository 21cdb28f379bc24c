"""How wide a viewer's kernel should be: what the others' density says of each viewer left out.

python benchmarks/smoothing.py RECORDINGS

Prints the mean log density, in nats above the uniform one, at the direction of each viewer under
nine tenths of the others' density and one of the uniform, every two seconds of each video.
"""

import argparse
import math

import torch

from vpnet.readers.reading import read_any
from vpnet.saliency.viewing import VideoViewing, viewing_by_video

KERNELS_DEG = (6, 8, 10, 12, 15, 18, 22, 27, 33, 40)
LEAST_VIEWERS = 5
UNIFORM_SHARE = 0.1


def gain(viewing: list[VideoViewing], kernel_deg: float) -> tuple[float, int]:
    """Mean log density and the number of directions it is a mean of."""
    concentration = 1 / math.radians(kernel_deg) ** 2
    peak = 2 * concentration / (1 - math.exp(-2 * concentration))
    total, count = 0.0, 0
    for watched in viewing:
        for step in range(watched.valid.shape[1]):
            looking = watched.directions[:, step][watched.valid[:, step]]
            if len(looking) < LEAST_VIEWERS:
                continue
            kernels = peak * torch.exp(concentration * (looking @ looking.T - 1))
            others = kernels.fill_diagonal_(0).sum(1) / (len(looking) - 1)
            total += float(torch.log((1 - UNIFORM_SHARE) * others + UNIFORM_SHARE).sum())
            count += len(looking)
    return total / count, count


def main() -> None:
    """Print a line for each kernel."""
    parser = argparse.ArgumentParser()
    parser.add_argument("recordings")
    viewing = viewing_by_video(read_any(parser.parse_args().recordings), 0.5, gaze=False)
    for kernel_deg in KERNELS_DEG:
        mean, count = gain(list(viewing.values()), kernel_deg)
        print(f"{kernel_deg:3d} degrees {mean:8.3f} nats ({count} directions)")


if __name__ == "__main__":
    main()
