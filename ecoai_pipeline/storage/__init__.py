"""The lake, landing, ledgers and model bundles: every path under the root is known only here."""
