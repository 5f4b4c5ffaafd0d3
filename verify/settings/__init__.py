"""Twenty-four settings drawn at random: does the error theory of random heads hold where nobody has looked?"""
