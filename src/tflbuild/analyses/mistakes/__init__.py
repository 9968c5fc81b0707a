"""Mistakes in preparing pictures: which there are, what each costs, and which explains a tensor."""
