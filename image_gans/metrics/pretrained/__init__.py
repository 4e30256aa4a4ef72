"""Features of DINOv2 and CLIP models of the transformers library, from a local folder."""
