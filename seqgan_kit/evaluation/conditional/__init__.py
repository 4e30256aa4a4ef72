"""Models that write after something: their answers, and how well these fit."""
