-- Streams may be closed for good, by one way only: a closing that names a stream at its version lets its events go, and
-- nobody appends to that stream again. Who closes streams needs rights that who appends does not.

CREATE TABLE {schema}.twofold_closings (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL, -- its last one
    how text NOT NULL,
    time timestamptz NOT NULL
);

-- Beside the version, where whoever appends looks anyway.
ALTER TABLE {schema}.twofold_streams ADD COLUMN closed boolean NOT NULL DEFAULT false;

CREATE TRIGGER twofold_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {schema}.twofold_closings
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_change();

CREATE TRIGGER twofold_append_only BEFORE DELETE OR TRUNCATE ON {schema}.twofold_streams
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_change();

CREATE FUNCTION {schema}.twofold_refuse_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM {schema}.twofold_streams AS s
        WHERE s.stream = NEW.stream AND s.version = NEW.version AND NOT s.closed
    ) THEN
        RAISE EXCEPTION 'the log is append-only, and this closes no stream' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER twofold_closed_only BEFORE INSERT ON {schema}.twofold_closings
    FOR EACH ROW EXECUTE FUNCTION {schema}.twofold_refuse_closing();

-- Asked only where a statement sets that column, which no append does.
CREATE FUNCTION {schema}.twofold_refuse_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.closed IS DISTINCT FROM EXISTS (SELECT FROM {schema}.twofold_closings AS c WHERE c.stream = NEW.stream) THEN
        RAISE EXCEPTION 'what a stream is, its closing says' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER twofold_closed_only BEFORE UPDATE OF closed ON {schema}.twofold_streams
    FOR EACH ROW EXECUTE FUNCTION {schema}.twofold_refuse_opening();

-- Looks at what a statement has deleted, all at once.
CREATE FUNCTION {schema}.twofold_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM gone WHERE NOT EXISTS (SELECT FROM {schema}.twofold_closings AS c WHERE c.stream = gone.stream)
    ) THEN
        RAISE EXCEPTION 'the log is append-only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;

DROP TRIGGER twofold_append_only ON {schema}.twofold_events;

CREATE TRIGGER twofold_append_only BEFORE UPDATE OR TRUNCATE ON {schema}.twofold_events
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_change();

CREATE TRIGGER twofold_closed_only AFTER DELETE ON {schema}.twofold_events REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.twofold_refuse_delete();

-- As before; and of a stream that is closed it answers -1 - (2^62 + the version that it ended at), whatever is expected.
CREATE OR REPLACE FUNCTION {schema}.twofold_advance(name text, expected bigint, by integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    reached bigint;
BEGIN
    IF by = 0 THEN
        SELECT CASE WHEN s.closed THEN 4611686018427387904 ELSE 0 END + s.version INTO reached
        FROM {schema}.twofold_streams AS s WHERE s.stream = name FOR UPDATE;
        reached := coalesce(reached, 0);
        RETURN CASE WHEN expected IN (-1, reached) AND reached < 4611686018427387904 THEN reached ELSE -1 - reached END;
    END IF;
    IF expected > 0 THEN
        UPDATE {schema}.twofold_streams AS s SET version = s.version + by
        WHERE s.stream = name AND s.version = expected AND NOT s.closed RETURNING s.version INTO reached;
    ELSIF expected = 0 THEN
        INSERT INTO {schema}.twofold_streams AS s (stream, version) VALUES (name, by)
        ON CONFLICT DO NOTHING RETURNING s.version INTO reached;
    ELSIF expected = -1 THEN
        INSERT INTO {schema}.twofold_streams AS s (stream, version) VALUES (name, by)
        ON CONFLICT (stream) DO UPDATE SET version = s.version + by WHERE NOT s.closed RETURNING s.version INTO reached;
    END IF;
    IF reached IS NULL THEN
        SELECT CASE WHEN s.closed THEN 4611686018427387904 ELSE 0 END + s.version INTO reached
        FROM {schema}.twofold_streams AS s WHERE s.stream = name;
        RETURN -1 - coalesce(reached, 0);
    END IF;
    RETURN reached;
END
$$;

-- Closes a stream, and adds the entry that tells of it; answers the version it ends at, or less than 0, as twofold_advance,
-- when it is not at that version. Whoever appends to it meanwhile waits for the end of the transaction, and is refused then.
CREATE FUNCTION {schema}.twofold_close(
    name text, ends_at bigint, how text, closed_at timestamptz, entries jsonb
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    found_at bigint := {schema}.twofold_advance(name, ends_at, 0);
BEGIN
    IF found_at < 0 THEN
        RETURN found_at;
    END IF;
    INSERT INTO {schema}.twofold_closings (stream, version, how, time) VALUES (name, ends_at, how, closed_at);
    UPDATE {schema}.twofold_streams AS s SET closed = true WHERE s.stream = name;
    DELETE FROM {schema}.twofold_tags AS t USING (
        SELECT e.position, said.tag FROM {schema}.twofold_events AS e,
            LATERAL jsonb_array_elements_text(e.tags::jsonb) AS said (tag)
        WHERE e.stream = name
    ) AS own WHERE t.tag = own.tag AND t.position = own.position;
    DELETE FROM {schema}.twofold_events AS e WHERE e.stream = name;
    -- What else is kept by the name of a stream.
    DELETE FROM {schema}.twofold_parked AS p WHERE p.stream = name;
    DELETE FROM {schema}.twofold_snapshots AS s WHERE s.stream = name;
    PERFORM {schema}.twofold_audit_add(ARRAY[entries], ARRAY[0::bigint]);
    RETURN found_at;
END
$$;

-- As before, but of no stream that is closed; whoever is about to close one waits for the end of the transaction.
CREATE OR REPLACE FUNCTION {schema}.twofold_snapshot(
    written bigint[], streams text[], versions bigint[], event_ids uuid[], schemas text[], states bytea[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    IF written[1] < 0 THEN
        RETURN written;
    END IF;
    PERFORM FROM {schema}.twofold_streams AS s WHERE s.stream = ANY (streams) ORDER BY s.stream FOR KEY SHARE;
    INSERT INTO {schema}.twofold_snapshots AS old (stream, version, event_id, schema, state)
    SELECT x.* FROM unnest(streams, versions, event_ids, schemas, states) AS x (stream, version, event_id, schema, state)
    WHERE NOT EXISTS (SELECT FROM {schema}.twofold_closings AS c WHERE c.stream = x.stream)
    ORDER BY x.stream COLLATE "C"
    ON CONFLICT (stream) DO UPDATE
    SET version = excluded.version, event_id = excluded.event_id, schema = excluded.schema, state = excluded.state
    WHERE old.schema <> excluded.schema OR old.version < excluded.version;
    RETURN written;
END
$$;

-- The door that a command came through.
ALTER TABLE {schema}.twofold_audit ADD COLUMN source text COLLATE "C";

-- As before, and with it.
CREATE OR REPLACE FUNCTION {schema}.twofold_audit_add(entries jsonb[], reached bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    nth integer;
    x jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock_shared({audit} + coalesce(pg_sequence_last_value({audit_numbers}), 0));
    FOR nth IN 1 .. cardinality(entries) LOOP
        FOR x IN SELECT jsonb_array_elements(entries[nth]) LOOP
            INSERT INTO {schema}.twofold_audit (
                number, message, version, message_id, correlation_id, causation_id, user_id, tenant, source, payload, time,
                duration, outcome, code, position, count
            ) VALUES (
                nextval({audit_numbers}), x->>'message', (x->>'version')::integer, (x->>'message_id')::uuid,
                x->>'correlation_id', x->>'causation_id', x->>'user_id', x->>'tenant', x->>'source', x->>'payload',
                (x->>'time')::timestamptz, (x->>'duration')::bigint, x->>'outcome', x->>'code', reached[nth],
                coalesce((x->>'count')::bigint, 1)
            );
        END LOOP;
    END LOOP;
END
$$;
