"""What the assertions rest on: laws under the null, standardised samples, sequential decisions."""
