"""Tests of the judges and of what calls them."""
