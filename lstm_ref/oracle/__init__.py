"""What has to come out of a case: its numbers, the reference's answer, and how far
rounding may lead from it.
"""
