"""From a file to typed entries: YAML with the place of everything in it, models of what
may stand there.
"""
