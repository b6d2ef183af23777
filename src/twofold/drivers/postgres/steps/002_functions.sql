-- Names are qualified, so that nobody's search_path can put something else in their place.
-- Advisory locks: {floor}, {draw} and {keys} are ranges of 48 bits each, which belong to this log alone.

-- Which of `count` equal shares a stream belongs to: the first four bytes of the SHA-256 of its name, as a number.
CREATE FUNCTION {schema}.twofold_part(stream text, count integer) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ('x' || encode(substr(sha256(convert_to(stream, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint % count
$$;

-- Whether commits also become visible in the order of their positions: for readers who know nothing of floors, and ask for
-- what is behind the last position that they saw. A function, so that asking costs nothing; see twofold_order.
CREATE FUNCTION {schema}.twofold_strict() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT false';

-- Changes that for everybody, between two appends: each holds the lock of everything from before its draw to its end.
CREATE FUNCTION {schema}.twofold_order(ordering text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF ordering NOT IN ('floor', 'strict') THEN
        RAISE EXCEPTION 'there is no ordering %', ordering USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock({keys});
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION %I.twofold_strict() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS %L',
        {named}, CASE ordering WHEN 'strict' THEN 'SELECT true' ELSE 'SELECT false' END
    );
END
$$;

-- The first of `wanted` positions that stand in one run. Called last, when all else of a commit is done.
--
-- The floor, a lock with the head as its key, is held until the transaction ends: "I may use positions above this one".
-- A position that a reader can see behind the head was drawn by somebody who took such a lock before; see twofold_bound.
CREATE FUNCTION {schema}.twofold_draw(wanted integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    IF {schema}.twofold_strict() THEN
        PERFORM pg_advisory_xact_lock({draw}); -- whoever draws next waits until this transaction has ended
    END IF;
    PERFORM pg_advisory_xact_lock_shared({floor} + coalesce(pg_sequence_last_value({positions}), 0));
    -- The lock of the draw is let go by undoing its block, which takes no position back: whatever goes wrong in there, and
    -- however often a cancel comes, no lock is left, which would stop every writer.
    BEGIN
        IF wanted = 1 THEN
            PERFORM pg_advisory_xact_lock_shared({draw});
            first := nextval({positions});
        ELSE
            PERFORM pg_advisory_xact_lock({draw}); -- alone, so that the positions are next to each other
            SELECT min(drawn) INTO first FROM (
                SELECT nextval({positions}) AS drawn FROM generate_series(1, wanted)
            ) AS run;
        END IF;
        RAISE SQLSTATE 'TF002';
    EXCEPTION WHEN SQLSTATE 'TF002' THEN
        NULL;
    END;
    RETURN first;
END
$$;

-- Up to where the log is final: the head, or the lowest floor that anybody holds. In this order: what is drawn behind the
-- head was drawn under a floor that was taken before we looked, so it is either ended by now, or we see its floor. Rows
-- must be read in a statement of their own afterwards, with a new snapshot.
CREATE FUNCTION {schema}.twofold_bound() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head bigint;
    lowest bigint;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'a standby does not know what is final' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    head := coalesce(pg_sequence_last_value({positions}), 0);
    SELECT min((classid::bigint << 32 | objid::bigint) - {floor}) INTO lowest FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = {floor} >> 48
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database());
    RETURN least(head, lowest);
END
$$;

-- The key of what an event says about itself and a condition may ask for.
CREATE FUNCTION {schema}.twofold_key(said text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT {keys} + (hashtextextended(said, 0) & 281474976710655)
$$;

-- Keeps conditions apart from the events that they exclude, until the transaction ends. Events share the locks of their
-- types and tags among each other. A condition takes for itself one lock of each of its clauses that no event can pass
-- by: one of its tags, or its types, or that of everything. Always in one order, so nobody waits in a circle.
CREATE FUNCTION {schema}.twofold_lock(types text[], tags text[], clauses jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    everything boolean := false;
    wanted bigint[];
    alone bigint[];
BEGIN
    wanted := ARRAY(
        SELECT {schema}.twofold_key('type ' || said) FROM unnest(types) AS said
        UNION SELECT {schema}.twofold_key('tag ' || said) FROM unnest(tags) AS said
    );
    IF clauses IS NOT NULL THEN
        alone := ARRAY(
            SELECT DISTINCT {schema}.twofold_key(said)
            FROM jsonb_to_recordset(clauses) AS clause (types text[], tags text[]),
            LATERAL (
                SELECT 'tag ' || clause.tags[1] AS said WHERE cardinality(clause.tags) > 0
                UNION ALL SELECT 'type ' || type FROM unnest(clause.types) AS type WHERE cardinality(clause.tags) = 0
            ) AS sayings
        );
        SELECT coalesce(bool_or(cardinality(clause.tags) = 0 AND clause.types IS NULL), false) INTO everything
        FROM jsonb_to_recordset(clauses) AS clause (types text[], tags text[]);
    END IF;
    -- So many locks would fill the table of locks: the lock of everything, alone, stands for all of them.
    IF everything OR cardinality(wanted) > 256 THEN
        PERFORM pg_advisory_xact_lock({keys});
    ELSE
        PERFORM pg_advisory_xact_lock_shared({keys});
    END IF;
    IF cardinality(wanted) > 256 THEN
        wanted := '{}';
    END IF;
    PERFORM CASE WHEN only_me THEN pg_advisory_xact_lock(key) ELSE pg_advisory_xact_lock_shared(key) END
    FROM (
        SELECT key, bool_or(only_me) AS only_me
        FROM (
            SELECT key, false AS only_me FROM unnest(wanted) AS key
            UNION ALL SELECT key, true FROM unnest(alone) AS key
        ) AS keys
        GROUP BY key ORDER BY key OFFSET 0
    ) AS keys;
END
$$;

-- The first event behind a position that has one of the types, or any, and all of the tags.
CREATE FUNCTION {schema}.twofold_first(behind bigint, of_types text[], with_tags text[]) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(with_tags) = 0 THEN
        RETURN (
            SELECT e.position FROM {schema}.twofold_events AS e
            WHERE e.position > behind AND (of_types IS NULL OR e.type = ANY (of_types))
            ORDER BY e.position LIMIT 1
        );
    END IF;
    RETURN (
        SELECT t.position FROM {schema}.twofold_tags AS t JOIN {schema}.twofold_events AS e ON e.position = t.position
        WHERE t.tag = with_tags[1] AND t.position > behind AND (of_types IS NULL OR e.type = ANY (of_types))
        AND cardinality(with_tags) = (
            SELECT count(*) FROM {schema}.twofold_tags AS o WHERE o.position = t.position AND o.tag = ANY (with_tags)
        )
        ORDER BY t.position LIMIT 1
    );
END
$$;

-- Moves a checkpoint; null, or where it stands, its token and its version when that is not what was expected.
--
-- One that moves to where it stands is held there until the transaction ends: those who hold it share a lock, and whoever
-- moves it away, or rearranges it, takes that lock alone. So the row is not written, however many hold it.
CREATE FUNCTION {schema}.twofold_move(
    checkpoint text, goes_to bigint, expected bigint, fence bigint, log_epoch text, required integer
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    found_at bigint[];
BEGIN
    IF goes_to = expected AND log_epoch = '' THEN
        PERFORM pg_advisory_xact_lock_shared({schema}.twofold_key('checkpoint ' || checkpoint));
        PERFORM 1 FROM {schema}.twofold_checkpoints AS c
        WHERE c.name = checkpoint AND c.position = expected AND (fence IS NULL OR c.token = fence)
        AND required IN (0, c.version);
        IF FOUND THEN
            RETURN NULL;
        END IF;
    ELSIF expected < 0 THEN
        PERFORM pg_advisory_xact_lock({schema}.twofold_key('checkpoint ' || checkpoint));
    END IF;
    UPDATE {schema}.twofold_checkpoints AS c
    SET position = goes_to, epoch = CASE WHEN log_epoch = '' THEN c.epoch ELSE log_epoch END
    WHERE c.name = checkpoint AND c.position = expected AND (fence IS NULL OR c.token = fence)
    AND required IN (0, c.version);
    IF FOUND THEN
        RETURN NULL;
    END IF;
    IF expected = 0 AND coalesce(fence, 0) = 0 AND required = 0 THEN
        INSERT INTO {schema}.twofold_checkpoints (name, position, epoch) VALUES (checkpoint, goes_to, log_epoch)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    SELECT ARRAY[c.position, c.token, c.version] INTO found_at
    FROM {schema}.twofold_checkpoints AS c WHERE c.name = checkpoint;
    RETURN coalesce(found_at, '{0,0,0}');
END
$$;

-- Moves a stream on, and holds its row until the transaction ends; the version that it reached, or -1 - the one it has
-- when that is not what was expected.
CREATE FUNCTION {schema}.twofold_advance(name text, expected bigint, by integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    reached bigint;
BEGIN
    IF by = 0 THEN
        SELECT s.version INTO reached FROM {schema}.twofold_streams AS s WHERE s.stream = name FOR UPDATE;
        reached := coalesce(reached, 0);
        RETURN CASE WHEN expected IN (-1, reached) THEN reached ELSE -1 - reached END;
    END IF;
    IF expected > 0 THEN
        UPDATE {schema}.twofold_streams AS s SET version = s.version + by
        WHERE s.stream = name AND s.version = expected RETURNING s.version INTO reached;
    ELSIF expected = 0 THEN
        INSERT INTO {schema}.twofold_streams AS s (stream, version) VALUES (name, by)
        ON CONFLICT DO NOTHING RETURNING s.version INTO reached;
    ELSIF expected = -1 THEN
        INSERT INTO {schema}.twofold_streams AS s (stream, version) VALUES (name, by)
        ON CONFLICT (stream) DO UPDATE SET version = s.version + by RETURNING s.version INTO reached;
    END IF;
    IF reached IS NULL THEN
        SELECT s.version INTO reached FROM {schema}.twofold_streams AS s WHERE s.stream = name;
        RETURN -1 - coalesce(reached, 0);
    END IF;
    RETURN reached;
END
$$;

-- Writes all that a unit of work has to say. Each stream has an expected version and a count of events, which follow one
-- after the other.
--
-- Answers the position of the last event, or 0, and the version that each stream reached. When there is a conflict, it
-- answers what kind of one: -1 and the number of the stream and its version, -2 and the number of the condition and the
-- position of an event that it excludes, -3 and the number of the move and where the checkpoint stands, its token and version.
-- Nothing was written then; a conflict that is found after something was written is raised, with the answer as its text.
CREATE FUNCTION {schema}.twofold_commit(
    streams text[], expected bigint[], counts integer[],
    ids uuid[], types text[], schema_versions integer[], data bytea[], headers text[], times timestamptz[], tags text[],
    tag_names text[], tag_events integer[],
    others jsonb
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    total integer := cardinality(ids);
    wrote boolean := false;
    versions bigint[] := array_fill(0::bigint, ARRAY[cardinality(streams)]);
    version bigint;
    first bigint;
    behind integer := 0;
    nth integer;
    answer bigint[];
    clause record;
    move record;
BEGIN
    IF others IS NOT NULL AND others ? 'clauses' THEN
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION 'conditions can only be checked at READ COMMITTED' USING ERRCODE = 'feature_not_supported';
        END IF;
        PERFORM {schema}.twofold_lock(types, tag_names, others -> 'clauses');
        FOR clause IN
            SELECT c.* FROM jsonb_to_recordset(others -> 'clauses')
            AS c (condition integer, after bigint, types text[], tags text[])
        LOOP
            first := {schema}.twofold_first(clause.after, clause.types, clause.tags);
            IF first IS NOT NULL THEN
                RETURN ARRAY[-2, clause.condition, first];
            END IF;
        END LOOP;
    ELSIF total > 0 THEN
        PERFORM {schema}.twofold_lock(types, tag_names, NULL);
    END IF;

    IF others IS NOT NULL AND others ? 'moves' THEN
        FOR move IN
            SELECT m.* FROM ROWS FROM (jsonb_to_recordset(others -> 'moves')
                AS (name text, position bigint, expected bigint, token bigint, epoch text, version integer)
            ) WITH ORDINALITY AS m (name, goes_to, expected, token, epoch, version, nth)
            ORDER BY m.name COLLATE "C", m.nth
        LOOP
            answer := {schema}.twofold_move(
                move.name, move.goes_to, move.expected, move.token, move.epoch, move.version
            );
            IF answer IS NOT NULL THEN
                answer := ARRAY[-3, move.nth - 1] || answer;
                IF wrote THEN
                    RAISE EXCEPTION '%', answer USING ERRCODE = 'TF001';
                END IF;
                RETURN answer;
            END IF;
            wrote := true;
        END LOOP;
    END IF;

    FOR nth IN SELECT n FROM unnest(streams) WITH ORDINALITY AS s (stream, n) ORDER BY s.stream COLLATE "C", n LOOP
        version := {schema}.twofold_advance(streams[nth], expected[nth], counts[nth]);
        IF version < 0 THEN
            answer := ARRAY[-1, nth - 1, -1 - version];
            IF wrote THEN
                RAISE EXCEPTION '%', answer USING ERRCODE = 'TF001';
            END IF;
            RETURN answer;
        END IF;
        versions[nth] := version;
        wrote := true;
    END LOOP;

    IF others IS NOT NULL AND others ? 'parks' THEN
        INSERT INTO {schema}.twofold_parked AS p
            (subscription, position, stream, type, time, cause, trace, attempts, data, due)
        SELECT x.subscription, x.position, x.stream, x.type, x.time, x.cause, x.trace, x.attempts, decode(x.data, 'base64'), x.due
        FROM jsonb_to_recordset(others -> 'parks') AS x (
            subscription text, position bigint, stream text, type text, time timestamptz, cause text, trace text,
            attempts integer, data text, due boolean
        )
        ON CONFLICT (subscription, position) DO UPDATE SET
            stream = excluded.stream, type = excluded.type, time = excluded.time, cause = excluded.cause,
            trace = excluded.trace, attempts = excluded.attempts, data = excluded.data, due = excluded.due;
    END IF;
    IF others IS NOT NULL AND others ? 'frees' THEN
        DELETE FROM {schema}.twofold_parked AS p
        USING jsonb_to_recordset(others -> 'frees') AS x (subscription text, position bigint)
        WHERE p.subscription = x.subscription AND p.position = x.position;
    END IF;

    IF total = 0 THEN
        RETURN 0::bigint || versions;
    END IF;
    first := {schema}.twofold_draw(total);
    FOR nth IN 1 .. cardinality(streams) LOOP
        INSERT INTO {schema}.twofold_events
            (position, stream, version, id, type, schema_version, data, headers, time, tags)
        SELECT first + behind + n - 1, streams[nth], versions[nth] - counts[nth] + n, x.id, x.type, x.schema_version,
            x.data, x.headers, x.time, x.tags
        FROM unnest(
            ids[behind + 1 : behind + counts[nth]], types[behind + 1 : behind + counts[nth]],
            schema_versions[behind + 1 : behind + counts[nth]], data[behind + 1 : behind + counts[nth]],
            headers[behind + 1 : behind + counts[nth]], times[behind + 1 : behind + counts[nth]],
            tags[behind + 1 : behind + counts[nth]]
        ) WITH ORDINALITY AS x (id, type, schema_version, data, headers, time, tags, n);
        behind := behind + counts[nth];
    END LOOP;
    IF tag_names IS NOT NULL THEN
        INSERT INTO {schema}.twofold_tags (tag, position)
        SELECT x.tag, first + x.nth - 1 FROM unnest(tag_names, tag_events) AS x (tag, nth);
    END IF;
    RETURN first + total - 1 || versions;
END
$$;

-- The same for the commit that is far more frequent than all others: one event, and nothing beside it.
CREATE FUNCTION {schema}.twofold_append(
    stream text, expected bigint,
    id uuid, type text, schema_version integer, data bytea, headers text, happened timestamptz, tags text,
    tag_names text[]
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    version bigint;
    drawn bigint;
BEGIN
    IF tag_names IS NULL THEN
        PERFORM pg_advisory_xact_lock_shared({keys}), pg_advisory_xact_lock_shared({schema}.twofold_key('type ' || type));
    ELSE
        PERFORM {schema}.twofold_lock(ARRAY[type], tag_names, NULL);
    END IF;
    version := {schema}.twofold_advance(stream, expected, 1);
    IF version < 0 THEN
        RETURN ARRAY[-1, 0, -1 - version];
    END IF;
    drawn := {schema}.twofold_draw(1);
    INSERT INTO {schema}.twofold_events
        (position, stream, version, id, type, schema_version, data, headers, time, tags)
    VALUES (drawn, stream, version, id, type, schema_version, data, headers, happened, tags);
    IF tag_names IS NOT NULL THEN
        INSERT INTO {schema}.twofold_tags (tag, position) SELECT name, drawn FROM unnest(tag_names) AS name;
    END IF;
    RETURN ARRAY[drawn, version];
END
$$;

-- Many of those in one transaction. Each stream gets one event, if it is where it is expected; the others are written
-- whatever becomes of one.
--
-- Answers the position of the first event that is written, the next ones have those behind it, and for each stream the
-- version that it reached, or -1 - the one it has when that is not what was expected. Whoever waits long for a lock keeps
-- all others waiting, so it gives up soon, and is called again for each of them alone.
CREATE FUNCTION {schema}.twofold_append_each(
    streams text[], expected bigint[],
    ids uuid[], types text[], schema_versions integer[], data bytea[], headers text[], times timestamptz[], tags text[],
    tag_names text[], tag_events integer[]
) RETURNS bigint[] LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
    versions bigint[] := array_fill(0::bigint, ARRAY[cardinality(streams)]);
    wanted integer := 0;
    nth integer;
    first bigint;
BEGIN
    PERFORM {schema}.twofold_lock(types, tag_names, NULL);
    FOR nth IN SELECT n FROM unnest(streams) WITH ORDINALITY AS s (stream, n) ORDER BY s.stream COLLATE "C", n LOOP
        versions[nth] := {schema}.twofold_advance(streams[nth], expected[nth], 1);
        wanted := wanted + (versions[nth] > 0)::integer;
    END LOOP;
    IF wanted = 0 THEN
        RETURN 0::bigint || versions;
    END IF;
    first := {schema}.twofold_draw(wanted);
    WITH written AS (
        SELECT first - 1 + row_number() OVER (ORDER BY x.n) AS position, x.*
        FROM unnest(streams, versions, ids, types, schema_versions, data, headers, times, tags)
            WITH ORDINALITY AS x (stream, version, id, type, schema_version, data, headers, time, tags, n)
        WHERE x.version > 0
    ), tagged AS (
        INSERT INTO {schema}.twofold_tags (tag, position)
        SELECT t.tag, w.position FROM unnest(tag_names, tag_events) AS t (tag, n) JOIN written AS w ON w.n = t.n
    )
    INSERT INTO {schema}.twofold_events
        (position, stream, version, id, type, schema_version, data, headers, time, tags)
    SELECT w.position, w.stream, w.version, w.id, w.type, w.schema_version, w.data, w.headers, w.time, w.tags
    FROM written AS w;
    RETURN first || versions;
END
$$;
