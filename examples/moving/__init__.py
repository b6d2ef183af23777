"""A CRUD application that is moved onto twofold endpoint by endpoint, on the same tables: see `docs/moving.md`.

`before` is where it comes from, `attached`, `writing` and `reading` are on the way, and `after` is where it ends. Each
has `library(...)`, which makes the web application.
"""
