"""What generators are rewarded for beside the discriminator's score, and functions of the user."""
