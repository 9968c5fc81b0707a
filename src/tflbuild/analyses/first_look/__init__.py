"""The first look at a base that came from the user's file."""
