"""Methods that generate images coarse to fine."""
