"""Networks that take images: encoders, translators, judges of patches, a quantiser."""
