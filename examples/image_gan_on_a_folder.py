"""Train an image GAN on a folder of images, and write a grid of samples.

    python examples/image_gan_on_a_folder.py photos
    python examples/image_gan_on_a_folder.py photos default

The second argument is a preset of the recipe: `smoke` takes seconds, `default` minutes.
"""

import sys

import numpy as np
from PIL import Image

import seqgan_kit as sk


def grid(images: np.ndarray, columns: int = 8) -> Image.Image:
    """Images [N,H,W,C] side by side."""
    rows = [np.concatenate(images[i : i + columns], axis=1) for i in range(0, len(images), columns)]
    return Image.fromarray(np.concatenate(rows, axis=0).squeeze())


def main(folder: str, preset: str = "smoke") -> None:
    run = sk.run("dcgan", preset, images=folder, size=16, out=f"runs/example-{preset}")
    images = run.model.sample(32, seed=0)
    grid(images).save("samples.png")
    print(f"report: {run.report}")
    print(f"samples.png: {len(images)} images of {images.shape[1]} pixels")


if __name__ == "__main__":
    main(*sys.argv[1:])
