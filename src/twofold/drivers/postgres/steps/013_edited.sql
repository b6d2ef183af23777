-- As before, but the data of what is parked already stays as it is: somebody may have edited it since it was read.
CREATE OR REPLACE FUNCTION {schema}.twofold_commit(
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
            AS c (condition integer, after bigint, types text[], tags text[], seen bigint[])
        LOOP
            first := {schema}.twofold_first(clause.after, clause.types, clause.tags, coalesce(clause.seen, '{}'));
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
            trace = excluded.trace, attempts = excluded.attempts, due = excluded.due;
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
