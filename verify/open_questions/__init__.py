"""What the papers leave open, measured: σ̂_r in place of σ once more than the read-out is trained."""
