"""A board behind ssh, with a Python and LiteRT of its own."""
