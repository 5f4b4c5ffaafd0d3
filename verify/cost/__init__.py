"""What simulations cost: floating-point operations, and hours of machines."""
