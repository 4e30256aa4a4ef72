"""Contents of the local web page of trained runs; only the room ``page`` knows Gradio."""
