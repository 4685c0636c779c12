"""The points of a case: the combinations of a matrix, their ids, and the selections of
large matrices.
"""
