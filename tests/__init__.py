"""Each test says in its docstring what it promises."""
