"""Registers the plugin that collects case files, so that plain `pytest` runs them."""

pytest_plugins = ["lstm_ref.pytest_plugin"]
