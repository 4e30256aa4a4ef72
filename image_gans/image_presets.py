"""Schedules that the presets of image recipes share, so that runs differ in the method only.

``FACES`` is for the bundled cat faces and minutes on two cores; ``SMOKE`` shows in seconds that everything
works.
"""

from image_gans.schedule import ImageTraining

FACES = ImageTraining(
    batch_size=32,
    generator_learning_rate=4e-4,
    average_decay=0.995,
    epochs=32,
    most_work=3.0,
    sample_every_rounds=500,
)
SMOKE = ImageTraining(batch_size=16, epochs=0.05, evaluate_every_rounds=5)
