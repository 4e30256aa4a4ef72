"""How D's verdict reaches a generator of tokens: REINFORCE, importance weights, Gumbel-softmax."""
