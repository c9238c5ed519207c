"""What the budget holds, measured: a load, the questions asked of it, the rule, and the comparisons made with them."""
