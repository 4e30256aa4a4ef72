"""Networks that take images: encoders, translators, patch discriminators, a vector quantiser."""
