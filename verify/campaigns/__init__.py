"""Campaigns as data: points of (model, task, sizes) along an axis, and what is said of the errors there."""
