"""Asks AWS what it asks for: the Price List API, and the history of spot prices."""
