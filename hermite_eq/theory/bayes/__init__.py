"""What no Transformer can beat."""
