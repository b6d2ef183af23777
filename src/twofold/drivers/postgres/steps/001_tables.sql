-- Texts compare byte by byte: names sort as Python sorts them, and beginnings of stream names can use the index.

CREATE TABLE {schema}.twofold_events (
    position bigint PRIMARY KEY, -- no default: twofold_draw is the only source of positions
    version bigint NOT NULL,
    time timestamptz NOT NULL,
    id uuid NOT NULL,
    schema_version integer NOT NULL,
    stream text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    headers text NOT NULL, -- JSON; as text, since jsonb cannot hold every string
    tags text NOT NULL, -- JSON
    data bytea NOT NULL,
    UNIQUE (stream, version)
);

CREATE SEQUENCE {schema}.twofold_positions AS bigint CACHE 1 NO CYCLE MAXVALUE 281474976710655
    OWNED BY {schema}.twofold_events.position;

CREATE FUNCTION {schema}.twofold_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER twofold_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.twofold_events
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_change();

-- The row that a writer locks while it checks and moves the version of a stream.
CREATE TABLE {schema}.twofold_streams (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE {schema}.twofold_tags (
    tag text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (tag, position)
);

CREATE TABLE {schema}.twofold_checkpoints (
    name text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL DEFAULT 0,
    epoch text NOT NULL DEFAULT '',
    owner text COLLATE "C" NOT NULL DEFAULT '',
    token bigint NOT NULL DEFAULT 0,
    beat bigint NOT NULL DEFAULT 0,
    version integer NOT NULL DEFAULT 1,
    tables text[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);

CREATE TABLE {schema}.twofold_parked (
    subscription text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    stream text COLLATE "C" NOT NULL,
    type text NOT NULL,
    time timestamptz NOT NULL,
    cause text NOT NULL,
    trace text NOT NULL,
    attempts integer NOT NULL,
    data bytea,
    due boolean NOT NULL,
    PRIMARY KEY (subscription, position)
);

INSERT INTO {schema}.twofold_meta (name, value) VALUES ('epoch', replace(gen_random_uuid()::text, '-', ''));
