"""f-AnoGAN: anomalous images and pixels, found by a GAN of normal images and an encoder.

$ python recipes/f_anogan.py                         cat faces; hats and odd eyes are anomalous
$ python recipes/f_anogan.py --images NORMAL --anomalies STRANGE --out runs/mine       your own folders
$ seqgan-kit detect runs/f_anogan --images DIR --out residuals       rank images, show what is anomalous
$ python recipes/f_anogan.py paper                   the authors' networks and rates at 64 pixels (a GPU)
$ python recipes/f_anogan.py smoke                   seconds, to see that everything works
$ python recipes/f_anogan.py --resume runs/f_anogan  go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # while what follows is imported

from dataclasses import dataclass, replace
from typing import Annotated

from image_gans.evaluation.anomalies.detection_scores import DetectionScorer, DetectionSettings
from image_gans.image_fitting import fit_to_images
from image_gans.image_presets import SMOKE
from image_gans.methods.anomalies import f_anogan
from image_gans.methods.anomalies.f_anogan import FAnoGANMethod
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.translators.anomaly_players import build_anomaly_players
from image_gans.recipe import close_image_run, latent_hooks
from image_gans.schedule import ImageTraining
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.images.anomaly_sets import AnomalyData, load_anomaly_sets
from seqgan_kit.data.images.load_images import ImageData


@dataclass(frozen=True)
class Config:
    """f-AnoGAN on normal images, tested on anomalous ones."""

    data: Annotated[ImageData, flat] = ImageData()
    anomalous: Annotated[AnomalyData, flat] = AnomalyData()
    networks: Annotated[NetworkChoice, flat] = NetworkChoice(discriminator_norm="layer")
    method: Annotated[FAnoGANMethod, flat] = FAnoGANMethod()
    training: Annotated[ImageTraining, flat] = f_anogan.PAPER
    scores: Annotated[DetectionSettings, flat] = DetectionSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        networks=NetworkChoice(width=24, latent=32, discriminator_norm="layer"),
        method=FAnoGANMethod(encoding=0.75, encoder_learning_rate=5e-4),
        training=replace(
            f_anogan.PAPER,
            generator_learning_rate=5e-4,
            discriminator_learning_rate=5e-4,
            learning_rate_schedule="linear",
            discriminator_moves=2,
            batch_size=32,
            epochs=24,
            most_work=3.0,
            sample_every_rounds=500,
        ),
    ),
    "paper": Config(
        data=ImageData(size=64),
        anomalous=AnomalyData(world_faces=20_000, test_faces=1000),
        networks=NetworkChoice(
            "resnet", width=64, growth=8, latent=128, discriminator_norm="layer"
        ),
        method=FAnoGANMethod(encoding=1.6),
        training=replace(f_anogan.PAPER, epochs=100, sample_every_rounds=1000),
        scores=DetectionSettings(search_moves=500),
    ),
    "smoke": Config(
        data=ImageData(size=16),
        anomalous=AnomalyData(world_faces=64, test_faces=8),
        networks=NetworkChoice(width=4, latent=4, discriminator_norm="layer"),
        training=replace(SMOKE, epochs=1),
        scores=DetectionSettings(searched_images=4, search_moves=5, evaluation_images=8),
    ),
}


def main(cfg: Config) -> None:
    """Normal and anomalous images, networks, game, phases, training and scores."""
    with open_run("f_anogan", cfg) as run:
        sets = load_anomaly_sets(cfg.data, cfg.anomalous)
        run.say("\n".join(sets.lines()))
        feed = sets.normal.feed(cfg.training.batch_size, **run.share())
        training = fit_to_images(run, cfg, PRESETS.get(cfg.run.preset, cfg), feed)
        players = build_anomaly_players(cfg.networks, cfg.data)
        game = f_anogan.build(*players, cfg.method)
        phases = f_anogan.phases(cfg.method, training)

        scorer = DetectionScorer(sets, cfg.scores, cfg.networks.latent)
        trained = Trainer(run, game, phases, feed, latent_hooks(scorer)).fit()
        use = f"detect {run.folder} --images DIR --out DIR"
        close_image_run(run, scorer, trained, "f-AnoGAN", "--images DIR --anomalies DIR", use)


if __name__ == "__main__":
    launch(main, PRESETS)
