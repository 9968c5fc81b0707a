"""The attribution of lost accuracy: a ladder of models, each with one thing changed, and what each change cost."""
