"""What the stack and its pipelines are doing: asked, judged, shown."""
