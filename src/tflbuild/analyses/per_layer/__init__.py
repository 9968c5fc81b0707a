"""The layers of a quantized file: what rounding each costs, and whether leaving one in float gives back the loss."""
