"""What entries mean: resolved by the parameter tables, and checked against them."""
