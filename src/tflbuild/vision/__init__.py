"""What models, data, metrics and a device must agree on; numpy only."""
