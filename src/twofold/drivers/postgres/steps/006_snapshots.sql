-- The newest snapshot of each stream that has one: what its events had come to at one of them.
CREATE TABLE {schema}.twofold_snapshots (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    event_id uuid NOT NULL,
    schema text NOT NULL,
    state bytea NOT NULL
) WITH (fillfactor = 80);

-- Keeps snapshots in place of older ones with a unit of work that was written, in one order, so nobody waits in a circle.
--
-- Takes, and gives, what the function that wrote the unit has answered.
CREATE FUNCTION {schema}.twofold_snapshot(
    written bigint[], streams text[], versions bigint[], event_ids uuid[], schemas text[], states bytea[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    IF written[1] < 0 THEN
        RETURN written;
    END IF;
    INSERT INTO {schema}.twofold_snapshots AS old (stream, version, event_id, schema, state)
    SELECT x.* FROM unnest(streams, versions, event_ids, schemas, states) AS x (stream, version, event_id, schema, state)
    ORDER BY x.stream COLLATE "C"
    ON CONFLICT (stream) DO UPDATE
    SET version = excluded.version, event_id = excluded.event_id, schema = excluded.schema, state = excluded.state
    WHERE old.schema <> excluded.schema OR old.version < excluded.version;
    RETURN written;
END
$$;
