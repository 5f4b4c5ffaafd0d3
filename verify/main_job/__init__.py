"""The main job: from activations and targets to verdicts, on data simulated in minutes."""
