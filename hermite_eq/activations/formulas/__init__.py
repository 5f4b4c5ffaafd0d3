"""Formulas: their pieces, singular points and derivatives, evaluated stably in doubles and in balls."""
