"""Networks that read captions, and image networks conditioned on them."""
