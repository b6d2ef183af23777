"""Lays out what `make docs` builds: the README, the pages of `docs/`, one page for each room, and the navigation.

The README is the start page, and its tables of pages are the navigation: a page in no table is an error. Links
to files outside `docs/` lead to a page that shows the file. All of it goes to `build/site`, and no text is kept twice.
"""

import importlib
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path
from posixpath import dirname, relpath
from types import FunctionType, ModuleType

import twofold

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
KINDS = ("Tutorials", "How to", "Explanation", "Reference")
FETCHING = r'script|img|iframe|link rel="?(?:stylesheet|icon|preload|preconnect)"?'
FETCH = re.compile(rf"""<(?:{FETCHING})\b[^>]*?["']?(https?://[^"' >]+)""")
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)]+)?\)")


def main(build: Path) -> int:
    """Build the site; a link or a name that leads nowhere fails it, and so does what is fetched from elsewhere."""
    shutil.rmtree(build, ignore_errors=True)
    pages, nav = layout()
    for place, text in pages.items():
        page = build / "pages" / place
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text)
    settings = (ROOT / "tools" / "docs_site.yml").read_text()
    (build / "mkdocs.yml").write_text(f"{settings}\nnav: {json.dumps(nav)}\n")
    zensical = str(Path(sys.executable).parent / "zensical")
    command = [zensical, "build", "--strict", "--config-file", str(build / "mkdocs.yml")]
    done = subprocess.run(command, check=False)
    built = build / "site"
    fetched = [f"{page.relative_to(built)} fetches {url}" for page in built.rglob("*.html") for url in fetches(page)]
    if done.returncode or fetched:
        print("\n".join(fetched))
        return 1
    shutil.rmtree(ROOT / "site", ignore_errors=True)
    built.rename(ROOT / "site")
    print(f"built {len(pages)} pages in site/")
    return 0


def layout() -> tuple[dict[str, str], list[object]]:
    """Make every page of the site, by its place, and the navigation.

    Returns:
        The pages and the navigation.

    Raises:
        ValueError: A page is in no table of the README.
    """
    written = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
    pages = {place_of(path): path.read_text() for path in written}
    shown = {path for file in written for path in linked(file) if place_of(path) not in pages}
    sites = {place_of(path): led(path, pages[place_of(path)]) for path in written}
    made = {f"names/{room}.md": names_of(room) for room in rooms()}
    return sites | made | {place_of(path): listing(path) for path in shown}, navigation()


def fetches(page: Path) -> list[str]:
    """List what a page would fetch from elsewhere."""
    return FETCH.findall(page.read_text())


def navigation() -> list[object]:
    """Read the pages of each kind off the README's tables."""
    readme = (ROOT / "README.md").read_text()
    nav: list[object] = [{"Start": "index.md"}]
    for kind in KINDS:
        table = readme.partition(f"\n### {kind}\n")[2].partition("\n#")[0]
        rows = re.findall(r"^\| \[(.+?)\]\((.+?)\)", table, re.MULTILINE)
        entries: list[object] = [{title: place_of(ROOT / path)} for title, path in rows]
        if kind == "Explanation":
            entries.append({"Decisions": sorted(map(place_of, (DOCS / "decisions").glob("*.md")))})
        if kind == "Reference":
            entries.append({"Names": [f"names/{room}.md" for room in rooms()]})
        nav.append({kind: entries})
    missing = [place for path in DOCS.rglob("*.md") if (place := place_of(path)) not in json.dumps(nav)]
    if missing:
        raise ValueError(f"the README has no row for {', '.join(sorted(missing))}: put each under its kind of page")
    return nav


def linked(file: Path) -> list[Path]:
    """List the files of the project that a page links to."""
    return [(file.parent / target).resolve() for target, _ in LINK.findall(file.read_text())]


def led(file: Path, text: str) -> str:
    """Let the links of a page lead to where files are in the site, and `|` stand in code of tables as it does there."""

    def lead(found: re.Match[str]) -> str:
        path = (file.parent / found[1]).resolve()
        if not path.exists():
            raise ValueError(f"{file.relative_to(ROOT)} links to {found[1]}, which is not there")
        return f"]({relpath(place_of(path), dirname(place_of(file)))}{found[2] or ''})"

    return LINK.sub(lead, CODE.sub(lambda code: code[0].replace(r"\|", "|"), text))


def place_of(path: Path) -> str:
    """Tell where a file of the project is in the site."""
    inside = path.relative_to(ROOT)
    match inside.parts:
        case ("README.md",):
            return "index.md"
        case ("CHANGELOG.md",):
            return "changelog.md"
        case ("docs", *rest):
            return "/".join(rest)
        case _:
            return f"source/{inside.as_posix()}.md"


def listing(path: Path) -> str:
    """Show a file, or all the Python of a folder."""
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    shown = [f"## {file.name}\n\n````python\n{file.read_text()}````\n" for file in files]
    return "\n".join([f"# {path.relative_to(ROOT).as_posix()}\n", *shown])


def rooms() -> list[str]:
    """Name the package, and every room that says what is public in it."""
    inside = pkgutil.walk_packages(twofold.__path__, "twofold.")
    packages = [one.name for one in inside if one.ispkg and "._" not in one.name]
    return ["twofold", *sorted(name for name in packages if hasattr(importlib.import_module(name), "__all__"))]


def names_of(room: str) -> str:
    """Make the page of a room: a list of its names, and their docstrings; those of the front door are in the rooms."""
    module = importlib.import_module(room)
    front = room == "twofold"
    homes = [importlib.import_module(name) for name in rooms()[1:]] if front else [module]
    page = [f"# {room}\n\n{module.__doc__}\n\n| name | is |\n|---|---|\n"]
    for name in module.__all__:
        value = getattr(module, name)
        home = next(home.__name__ for home in homes if getattr(home, name, None) is value)
        page.append(f"| [`{name}`][{home}.{name}] | {summary(value)} |\n")
    page += [f"\n::: {room}.{name}\n{inheriting(module, name)}" for name in module.__all__ if not front]
    return "".join(page)


def inheriting(room: ModuleType, name: str) -> str:
    """Have a class show what it has from another one of its room that is not public, and so shown nowhere else."""
    ancestors = getattr(getattr(room, name), "__mro__", ())[1:]
    inside = [one for one in ancestors if one.__module__.startswith(f"{room.__name__}.")]
    hidden = any(one.__name__ not in room.__all__ for one in inside)
    return "    options:\n      inherited_members: true\n" if hidden else ""


def summary(value: object) -> str:
    """Give the first sentence of a name's own docstring, if it has one."""
    documented = isinstance(value, type | FunctionType)
    return (value.__doc__ or "").partition("\n")[0] if documented else ""


if __name__ == "__main__":
    sys.exit(main(ROOT / "build" / "site"))
