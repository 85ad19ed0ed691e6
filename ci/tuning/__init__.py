"""Looks for better values of a recipe: trials, some at a time, within a budget, whoever is killed."""
