"""Result files: what they hold, how a run writes one, and how one is read."""
