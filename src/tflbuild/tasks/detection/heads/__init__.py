"""Heads of detectors: in which numbers each says boxes and scores."""
