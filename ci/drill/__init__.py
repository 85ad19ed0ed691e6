"""Rehearsals of what goes wrong on the cloud, with the real code on this machine."""
