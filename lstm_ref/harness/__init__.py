"""The harness: from cases to outcomes. `plugin` is where pytest comes in; everything it does is in the other files."""
