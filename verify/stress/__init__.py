"""Where does the equivalence of Theorem 3 break? Inputs and tasks that are not Gaussian, and softmax attention, by simulation."""
