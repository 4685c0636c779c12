"""Result files: what stands in one, how it is written while a run goes on, and how it
is read.
"""
