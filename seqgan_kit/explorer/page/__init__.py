"""The web page itself: Gradio components and the functions they call."""
