"""Computations on images and boxes that models, data, metrics and a device must agree on; numpy only."""
