"""Tests of universality."""
