"""Mistakes in preparing samples: which there are, what each costs, and which explains a tensor."""
