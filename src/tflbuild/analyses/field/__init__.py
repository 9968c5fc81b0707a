"""Field samples against those that a model was trained and calibrated on."""
