"""The cat world: scenes, captions and images with an exactly known distribution."""

from seqgan_kit.data.catworld.captions.caption import CatWorld
from seqgan_kit.data.catworld.captions.parsing import Parse
from seqgan_kit.data.catworld.scenes.scene import Cat, Scene, SceneLaw

__all__ = ["Cat", "CatWorld", "Parse", "Scene", "SceneLaw"]
