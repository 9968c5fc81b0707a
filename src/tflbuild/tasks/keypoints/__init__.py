"""Keypoints: the places of the named points of one object that a picture shows."""
