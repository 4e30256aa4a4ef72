"""How well methods find anomalous images and the pixels that are anomalous."""
