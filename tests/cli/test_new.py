"""`twofold new`: what it writes passes as it is, runs, and never stands in the place of something else."""

import errno
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import Said
from tests.cli.forked import finished
from tests.cli.served import Served
from twofold.cli.new._files import AlreadyThere, write
from twofold.errors import Unavailable

Twofold = Callable[..., Said]
EVERYTHING = (
    "command PlaceOrder item:str quantity:int",
    "command PayOrder order_id:UUID amount:Decimal due:date sure:bool",
    "command ChangePassword password:str --critical",
    "command CancelOrder order_id:UUID weight:float --critical",
    "query GetInvoice",
    "query ListInvoices customer_id:UUID paid:bool",
    "event OrderShipped order_id:UUID code:str at:datetime",
    "aggregate Cart customer_id:UUID limit:Decimal",
    "projection OrderList --on OrderPlaced --on OrderPaid",
    "projection ShippedOrders --on OrderShipped",
    "query GetShippedOrder order_id:UUID",
    "query ListShippedOrders --from ShippedOrders",
    "reaction SendReceipt --on OrderPaid",
)
"""One of each, with a field of each type."""
PYTEST = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "anyio", "-p", "pytest_twofold")
"""With the plugins that are needed: looking for all others takes longer than the tests."""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are those of a user: nobody counts their lines, and no setting of ours is theirs."""
    for name in list(os.environ):
        if name.startswith(("COVERAGE", "PYTEST", "TWOFOLD")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def new(twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Said]:
    """`twofold new`, in the project `shop` once that is there."""

    def call(words: str) -> Said:
        home = tmp_path / "shop"
        monkeypatch.chdir(home if home.exists() else tmp_path)
        return twofold("new", *words.split())

    return call


@pytest.fixture
def mypy_cache(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    """Where mypy keeps what it knows of libraries; from one run to the next, where pytest has a place for that."""
    cache = getattr(pytestconfig, "cache", None)
    return tmp_path / "cache" if cache is None else Path(cache.mkdir("mypy-of-new-projects"))


@pytest.fixture
def shop(new: Callable[[str], Said], tmp_path: Path) -> Path:
    """A new project."""
    assert new("project shop").code == 0
    return tmp_path / "shop"


def test_its_readme_asks_for_a_pip_that_knows_groups(shop: Path) -> None:
    """Python 3.11 and 3.12 make environments with one that does not."""
    lines = (shop / "README.md").read_text(encoding="utf-8").splitlines()
    newer, groups = ([at for at, line in enumerate(lines) if word in line] for word in ('"pip>=25.1"', "--group dev"))
    assert newer < groups


def files_in(folder: Path) -> dict[Path, bytes]:
    """Everything that is there."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def passes(project: Path, *words: str) -> None:
    """Run a tool as its users do, without an argument that the project does not say by itself."""
    done = finished("-m", *words, where=project)
    assert done.returncode == 0, f"{project.name}: {' '.join(words)}\n{done.stdout}{done.stderr}"


def test_what_is_written_passes_as_it_is(
    twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mypy_cache: Path
) -> None:
    """In both layouts and of every generator: ruff, its formatter, mypy --strict, its tests, and a strict doctor."""
    for name, layout in (("shop", "flat"), ("depot", "layered")):
        monkeypatch.chdir(tmp_path)
        assert twofold("new", "project", name, "--layout", layout).code == 0
        monkeypatch.chdir(tmp_path / name)
        for words in EVERYTHING:
            assert twofold("new", *words.split()).code == 0, words
    projects = [tmp_path / "shop", tmp_path / "depot"]

    def checked() -> None:
        for project in projects:  # what others have is looked at once for both
            passes(project, "mypy", "--cache-dir", str(mypy_cache))

    with ThreadPoolExecutor(2) as pool:
        types = pool.submit(checked)
        for project in projects:
            passes(project, "ruff", "check", "--no-cache", ".")
            passes(project, "ruff", "format", "--no-cache", "--check", ".")
            passes(project, *PYTEST)
            passes(project, "twofold", "doctor", f"{project.name}.app", "--strict")
        types.result()


def test_what_is_written_runs(new: Callable[[str], Said], shop: Path, tmp_path: Path) -> None:
    """`twofold run` serves it, and a command, its event, the read model and a query work together over HTTP."""
    for words in ("command PlaceOrder item:str", "projection OrderList", "query GetOrder"):
        assert new(words).code == 0
    with Served(
        "shop.app", "--database", str(tmp_path / "shop.db"), folder=tmp_path, where=shop, forked=False
    ) as served:
        placed = httpx.post(f"{served.address}/orders/place", json={"item": "pen"}, timeout=20)
        assert placed.status_code == 201
        seen = {"Twofold-Position": placed.headers["Twofold-Position"]}
        assert served.get(f"/orders/{placed.json()}", seen).json() == {"order_id": placed.json(), "item": "pen"}
        refused = httpx.post(f"{served.address}/orders/place", json={"item": " "}, timeout=20)
        assert (refused.status_code, refused.json()["code"]) == (400, "order_not_placed")


def test_a_column_holds_what_sqlite_would(new: Callable[[str], Said], shop: Path) -> None:
    """On PostgreSQL too: a number of more than 32 bits would put its event aside there."""
    for words in ("command PlaceOrder quantity:int", "projection OrderList"):
        assert new(words).code == 0
    program = (
        "from sqlalchemy.dialects.postgresql import dialect\n"
        "from sqlalchemy.schema import CreateTable\n"
        "from shop.orders.order_list import OrderListRow\n"
        "print(CreateTable(OrderListRow.__table__).compile(dialect=dialect()))\n"
    )
    done = finished("-c", program, where=shop)
    assert "quantity BIGINT NOT NULL" in done.stdout


def test_a_command_that_loses_its_test_is_told(new: Callable[[str], Said], shop: Path) -> None:
    """By the test of the application as a whole."""
    new("command PlaceOrder")
    (shop / "tests" / "orders" / "test_place_order.py").unlink()
    with pytest.raises(AssertionError, match=r"PlaceOrder has no test"):
        passes(shop, *PYTEST, "tests/test_application.py")


def test_an_event_that_is_no_longer_read_is_told(new: Callable[[str], Said], shop: Path) -> None:
    """Once its form was kept: by the test of the application as a whole."""
    new("event OrderShipped order_id:UUID")
    passes(shop, "twofold", "schema", "snapshot", "shop.app")
    passes(shop, *PYTEST, "tests/test_application.py")
    event = shop / "shop" / "orders" / "order_shipped.py"
    event.write_text(event.read_text().replace("order_id: UUID\n", "order_id: UUID\n    code: int\n"))
    with pytest.raises(AssertionError, match=r"order_shipped"):
        passes(shop, *PYTEST, "tests/test_application.py")


def test_it_says_what_it_writes(new: Callable[[str], Said], shop: Path) -> None:
    """One file in a line."""
    said = new("command PlaceOrder")
    assert said == Said(
        0,
        "shop/orders/__init__.py\nshop/orders/order_placed.py\nshop/orders/place_order.py\n"
        "tests/orders/test_place_order.py\n",
        "",
    )
    assert all((shop / line).is_file() for line in said.out.splitlines())


def test_the_feature_is_told_by_the_name(new: Callable[[str], Said], shop: Path) -> None:
    """One that is there is preferred, and one that is given wins; what follows an event belongs to it."""
    new("command PlaceOrder")
    new("command ChangeOrderAddress order_id:UUID street:str")
    new("command OpenCategory --feature catalogue")
    new("reaction SendReceipt --on OrderPlaced")
    written = {path.parent.name: path.stem for path in shop.rglob("*_order*.py") if path.stem == "change_order_address"}
    assert written == {"orders": "change_order_address"}
    assert (shop / "shop" / "catalogue" / "open_category.py").exists()
    assert (shop / "shop" / "orders" / "send_receipt.py").exists()
    assert 'path="/orders/{order_id}/change-address"' in (shop / "shop/orders/change_order_address.py").read_text()


def test_a_layered_project_keeps_its_layers(twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layout is in its pyproject, and the domain knows nothing of the other layers."""
    monkeypatch.chdir(tmp_path)
    assert twofold("new", "project", "shop", "--layout", "layered").code == 0
    assert 'layout = "layered"' in (tmp_path / "shop" / "pyproject.toml").read_text()
    monkeypatch.chdir(tmp_path / "shop" / "tests")  # it is found from wherever one is in it
    for words in EVERYTHING:
        assert twofold("new", *words.split()).code == 0, words
    texts = {layer: all_text(tmp_path / "shop" / "shop" / layer) for layer in ("domain", "application")}
    assert "class OrderPlaced(Event)" in texts["domain"]
    assert "class PlaceOrder(Command" in texts["application"]
    assert "shop.application" not in texts["domain"]
    assert "shop.infrastructure" not in texts["domain"] + texts["application"]


def all_text(folder: Path) -> str:
    """What is in all files of a folder."""
    return "".join(path.read_text() for path in folder.rglob("*.py"))


def test_the_application_need_not_be_importable(new: Callable[[str], Said], shop: Path) -> None:
    """It may be broken just now, and is never imported."""
    (shop / "shop" / "app.py").write_text("raise SystemExit(3)\n")
    (shop / "shop" / "half.py").write_text("def (\n")
    (shop / "shop" / "latin.py").write_bytes(b"# caf\xe9\n")
    assert new("command PlaceOrder").code == 0
    assert new("projection OrderList").code == 0
    assert new("query GetOrder").code == 0


def test_a_secret_is_marked_and_gets_into_no_event(new: Callable[[str], Said], shop: Path) -> None:
    """What has happened is kept for ever."""
    assert new("command ChangePassword password:str --critical").code == 0
    home = shop / "shop" / "passwords"
    assert "password: Annotated[str, Secret]" in (home / "change_password.py").read_text()
    events = all_text(home).split("class PasswordChangeAttempted")[1] + (home / "password_changed.py").read_text()
    assert "password:" not in events.split("class PasswordNotChanged")[0]
    for words, file in (("aggregate Token", "token_events.py"), ("event SecretTold", "secret_told.py")):
        assert new(words).code == 0
        (path,) = shop.rglob(file)
        assert "    id: UUID\n" in path.read_text()  # `token_id` would be taken for one


REFUSED = [
    ("command placeOrder", 2, "'placeOrder' is no name"),
    ("command Place-Order", 2, "is no name"),
    ("command Placé", 2, "is no name"),
    ("aggregate Import", 2, "'Import' is no name"),
    ("event Result", 2, "'Result' is a name of Python's or twofold's"),
    ("command PlaceAnOrderThatIsFarTooLongForAnybody", 2, "is longer than 30 letters"),
    ("query Status", 2, "does not say what it is about"),
    ("command Connect", 2, "does not say what it is about"),
    ("command PutPut --feature putts", 2, "PutPut would be two things"),
    ("command PlaceOrder item", 2, "'item' is no field"),
    ("command PlaceOrder item:Item", 2, "'item:Item' is no field"),
    ("command PlaceOrder a_field_that_is_far_too_long_for_us:str", 2, "is longer than 30 letters"),
    ("command PlaceOrder class:str", 2, "'class' is no name for a field"),
    ("command PlaceOrder Item:str", 2, "'Item' is no name for a field"),
    ("command PlaceOrder _item:str", 2, "'_item' is no name for a field"),
    ("command PlaceOrder date:date", 2, "'date' is taken"),
    ("command PlaceOrder item:str item:int", 2, "a field 'item' is there already"),
    ("command PlaceOrder reason:str --critical", 2, "'reason' is taken"),
    ("query ListOrders page:int", 2, "'page' is taken"),
    ("aggregate Order close:bool", 2, "'close' is taken"),
    ("event TokenIssued token:str", 2, "token is a secret by its name"),
    ("command PlaceOrder --feature app", 2, "shop/app.py is no feature"),
    ("command PlaceOrder --feature ../up", 2, "is no name for a feature"),
    ("projection OrderList", 2, "there is no event that OrderList could follow"),
    ("projection OrderList --on OrderSold", 2, "there is no event OrderSold"),
    ("reaction SendReceipt --on Sale --feature sales", 2, "there is no event Sale"),
    ("query GetOrder --from OrderList", 2, "there is no read model OrderList"),
    ("project Shop", 2, "'Shop' is no name for a project"),
    ("project json", 2, "'json' is a package already"),
    ("project shop --layout round", 2, "'round'"),
]


@pytest.mark.parametrize("words, code, text", REFUSED, ids=[words for words, _, _ in REFUSED])
def test_what_cannot_be_is_refused(new: Callable[[str], Said], shop: Path, words: str, code: int, text: str) -> None:
    """With what is wrong, and the folder is as it was."""
    before = files_in(shop)
    said = new(words)
    assert (said.code, said.out) == (code, "")
    assert text in " ".join(said.err.replace("│", " ").split())
    assert files_in(shop) == before


TAKEN = [
    ("command PlaceOrder", "shop/orders/place_order.py has a class PlaceOrder"),
    ("event OrderPlaced --feature sales", "shop/orders/order_placed.py has a class OrderPlaced"),
    ("aggregate Order", "tests/orders/test_order.py is there"),
    ("reaction OrderPlaced --on OrderPlaced", "shop/orders/order_placed.py is there"),
    ("projection Order --on OrderPlaced", "tests/orders/test_order.py is there"),
    ("event SaleMade --feature sales", "shop/shop/sales is there"),
]


@pytest.mark.parametrize("words, text", TAKEN, ids=[words for words, _ in TAKEN])
def test_nothing_that_is_there_is_written_over(new: Callable[[str], Said], shop: Path, words: str, text: str) -> None:
    """Neither a file nor a class; with exit code 5, and nothing else is written either."""
    new("command PlaceOrder")
    (shop / "tests" / "orders" / "test_order.py").write_text("# mine\n")
    (shop / "shop" / "sales").write_text("a file\n")
    before = files_in(shop)
    said = new(words)
    assert (said.code, said.out) == (5, "")
    assert text in said.err
    assert files_in(shop) == before


def test_a_project_that_is_there_stays(new: Callable[[str], Said], shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though a folder may be there that has none of its files."""
    before = files_in(shop)
    home = shop.parent / "elsewhere"
    (home / "depot").mkdir(parents=True)
    (home / "depot" / "LICENSE").touch()
    monkeypatch.setattr(Path, "cwd", lambda: shop.parent)
    assert new("project shop").code == 5
    assert files_in(shop) == before
    monkeypatch.setattr(Path, "cwd", lambda: home)
    assert new("project depot").code == 0
    assert (home / "depot" / "depot" / "app.py").exists()


PROJECTS = {
    "": "there is no project here",
    "[tool.twofold.coverage]\nall = 1\n": "there is no project here",
    "[tool.twofold]\npackage = 'gone'\n": "there is no package 'gone'",
    "[tool.twofold]\npackage = 'shop'\nlayout = 'round'\n": "has layout = 'round'",
    "[tool.twofold": "cannot be read",
}


@pytest.mark.parametrize("pyproject, text", PROJECTS.items(), ids=list(PROJECTS.values()))
def test_what_is_no_project_is_told(new: Callable[[str], Said], shop: Path, pyproject: str, text: str) -> None:
    """With what it has to say, and exit code 2."""
    (shop / "pyproject.toml").write_text(pyproject)
    before = files_in(shop)
    said = new("command PlaceOrder")
    assert (said.code, said.out) == (2, "")
    assert text in said.err
    assert files_in(shop) == before


def test_a_feature_of_ones_own_needs_a_module(new: Callable[[str], Said], shop: Path) -> None:
    """What is generated declares itself by it, so one without is told before anything is written."""
    (shop / "shop" / "orders").mkdir()
    (shop / "shop" / "orders" / "__init__.py").touch()
    before = files_in(shop)
    said = new("command PlaceOrder")
    assert said.code == 2
    assert "shop/orders/__init__.py has no `module`" in said.err
    assert files_in(shop) == before
    (shop / "shop" / "orders" / "__init__.py").write_text('"""Mine."""\nmodule = Module("mine")\n')
    assert new("command PlaceOrder").code == 0


def test_an_event_that_no_test_can_make_is_not_followed(new: Callable[[str], Said], shop: Path) -> None:
    """It has a field whose type is not known; one that has a value already does not matter."""
    new("event OrderShipped")
    event = shop / "shop" / "orders" / "order_shipped.py"
    event.write_text(event.read_text().replace("order_id: UUID\n", "order_id: UUID\n    lines: tuple[str, ...]\n"))
    said = new("projection OrderList")
    assert said.code == 2
    assert "OrderShipped has a field lines: tuple[str, ...], and no value of it is known" in said.err
    event.write_text(event.read_text().replace("tuple[str, ...]", "tuple[str, ...] = ()"))
    assert new("projection OrderList").code == 0
    assert "lines" not in (shop / "shop" / "orders" / "order_list.py").read_text()


FOLLOWING = [
    ("projection OrderList --on OrderShipped --on OrderLost", "there is no event OrderLost"),
    ("projection OrderList --on OrderCounted", "no field of OrderCounted names what a row is about"),
    ("projection OrderList --on OrderShipped --on OrderMoved", "a field of these events has two types"),
    ("projection OrderList --on OrderNoted", "no column is called metadata"),
    ("projection OrderList --on OrderBroken", "order_broken.py cannot be read"),
    ("reaction SendReceipt --feature orders", "SendReceipt may follow"),
    ("reaction TellOrder", "TellOrder may follow OrderCounted, OrderMoved, OrderNoted, OrderShipped"),
]


@pytest.mark.parametrize("words, text", FOLLOWING, ids=[words for words, _ in FOLLOWING])
def test_what_cannot_be_followed_is_refused(new: Callable[[str], Said], shop: Path, words: str, text: str) -> None:
    """With what the events lack, and the folder is as it was."""
    for event in (
        "event OrderShipped order_id:UUID code:str",
        "event OrderMoved order_id:UUID code:int",
        "event OrderCounted count:int",
        "event OrderNoted order_id:UUID metadata:str",
        "event OrderBroken",
    ):
        assert new(event).code == 0
    broken = shop / "shop" / "orders" / "order_broken.py"
    if "OrderBroken" in words:
        broken.write_text(broken.read_text() + "def (\n")
    else:
        broken.unlink()
    before = files_in(shop)
    said = new(words)
    assert (said.code, said.out) == (2, "")
    assert text in " ".join(said.err.replace("│", " ").split())
    assert files_in(shop) == before


def test_the_only_event_of_a_project_needs_no_name(new: Callable[[str], Said], shop: Path) -> None:
    """Whatever follows it is called; it belongs to the feature of the event."""
    new("event OrderShipped")
    assert new("reaction SendReceipt").code == 0
    assert (shop / "shop" / "orders" / "send_receipt.py").exists()


def test_a_projection_follows_what_its_name_has(new: Callable[[str], Said], shop: Path) -> None:
    """And not whatever else the project happens to have, be it one event alone."""
    new("event OrderShipped")
    before = files_in(shop)
    said = new("projection CustomerList")
    assert (said.code, said.out) == (2, "")
    assert "there is no event that CustomerList could follow" in said.err
    assert files_in(shop) == before
    assert new("projection CustomerList --on OrderShipped").code == 0
    assert new("projection LateOrders").code == 0


def test_a_command_looks_whether_there_is_what_it_is_about(
    new: Callable[[str], Said], shop: Path, tmp_path: Path
) -> None:
    """Nothing is recorded of an order that nobody has placed: 404, as its API document says; then it is done."""
    new("command PlaceOrder item:str")
    new("command CancelOrder order_id:UUID why:str")
    assert "OrderPlaced(" in (shop / "tests" / "orders" / "test_cancel_order.py").read_text()
    with Served("shop.app", "--database", str(tmp_path / "shop.db"), folder=tmp_path, where=shop) as served:

        def cancel(order: str) -> httpx.Response:
            return httpx.post(f"{served.address}/orders/{order}/cancel", json={"why": "late"}, timeout=20)

        missing = cancel("00000000-0000-0000-0000-000000000007")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
        placed = httpx.post(f"{served.address}/orders/place", json={"item": "pen"}, timeout=20).json()
        assert cancel(placed).status_code == 204
        document = served.get("/openapi.json").json()
        assert "404" in document["paths"]["/orders/{order_id}/cancel"]["post"]["responses"]


def test_a_query_looks_where_it_can_be_tested(new: Callable[[str], Said], shop: Path) -> None:
    """Not at a read model that is half written, or whose event no test can make."""
    new("event OrderShipped")
    new("projection OrderList")
    home = shop / "shop" / "orders"
    table, event = (home / "order_list.py").read_text(), (home / "order_shipped.py").read_text()
    (home / "order_list.py").write_text(table + "def (\n")
    assert new("query GetOrder").code == 0
    (home / "order_list.py").write_text(table)
    (home / "order_shipped.py").write_text(event.replace("order_id: UUID\n", "order_id: UUID\n    lines: object\n"))
    assert new("query ShowOrder").code == 0
    (home / "order_shipped.py").write_text(event)
    assert new("query ReadOrder").code == 0
    adapters = sorted(path.stem for path in home.glob("*_order_*.py"))
    assert adapters == ["get_order_in_memory", "read_order_by_sql", "show_order_in_memory"]


def test_a_path_that_is_taken_is_not_offered_twice(new: Callable[[str], Said], shop: Path) -> None:
    """Else the application would not start."""
    for words in ("query GetOrder", "query ShowOrder order_id:UUID", "query ListOrders", "query FindOrders name:str"):
        assert new(words).code == 0
    text = all_text(shop / "shop")
    for path in ("/orders/{order_id}", "/orders/{order_id}/show-order", "/orders", "/orders/find-orders"):
        assert f'path="{path}"' in text


TEXTS = {"a.py": "a\n", "deep/er/b.py": "b\n", "deep/er/still/c.py": "c\n"}


def test_a_disk_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written before is taken away again, and what was there stays."""
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "mine.py").touch()
    mkdir = Path.mkdir

    def failing(path: Path, *args: Any, **settings: Any) -> None:
        if path.name == "still":
            raise OSError(errno.ENOSPC, "No space left on device")
        mkdir(path, *args, **settings)

    monkeypatch.setattr(Path, "mkdir", failing)
    before = sorted(root.rglob("*"))
    with pytest.raises(Unavailable, match=r"nothing was written: .*No space left"):
        write(root, named(root, TEXTS))
    assert sorted(root.rglob("*")) == before


def test_who_comes_between_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was not there when it was looked for, and is when it is written."""
    root = tmp_path / "root"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "b.py").write_text("mine\n")
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: exists(path) and path.name != "b.py")
    with pytest.raises(AlreadyThere, match=r"root/deep/er/b\.py is there"):
        write(root, named(root, TEXTS))
    assert files_in(root) == {root / "deep" / "er" / "b.py": b"mine\n"}


def named(root: Path, texts: Mapping[str, str]) -> dict[Path, str]:
    """Texts by their full paths."""
    return {root / name: text for name, text in texts.items()}
