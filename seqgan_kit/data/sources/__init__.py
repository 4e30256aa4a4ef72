"""Where rows come from: files, folders, hub datasets; splits and streams of rows."""
