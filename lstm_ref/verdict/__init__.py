"""Whether what came out is right, and where it goes wrong."""
