"""Detection: anchors, boxes, and their coding."""
