"""Complete applications, small enough to read in one sitting; `python -m examples.demo` drives them."""
