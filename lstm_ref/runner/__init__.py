"""A run: which items there are, the processes that answer, and from cases to
outcomes.
"""
