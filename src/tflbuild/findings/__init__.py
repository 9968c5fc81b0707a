"""What passes found out, in a form that a terminal and a page can tell: one kind of note a module."""
