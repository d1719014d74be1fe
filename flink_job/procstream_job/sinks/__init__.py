"""Where rows go: each module checks a query's columns for one kind of sink and writes its table in SQL."""
