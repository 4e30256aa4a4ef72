"""What the layers of a discriminator know: linear probes and guided gradients."""
