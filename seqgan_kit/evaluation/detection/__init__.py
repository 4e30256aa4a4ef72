"""How anomalous a trained model finds lines, and how well its scores rank known anomalies."""
