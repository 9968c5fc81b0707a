"""What passes share that take a converted file in."""
