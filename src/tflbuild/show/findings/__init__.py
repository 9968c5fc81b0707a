"""The findings of passes, in a form that a terminal and a page can show: one kind of note a module."""
