"""Methods that help to recognise what an image shows."""
