"""The game that all GANs share; it knows neither tokens nor pixels."""
