-- As before, with everything that it called written out, as at twofold_append_audited: most of what a group of short appends
-- took was the setting up of what it called. What it keeps to is said at twofold_append_each, twofold_lock, twofold_advance,
-- twofold_draw and twofold_audit_add.
CREATE OR REPLACE FUNCTION {schema}.twofold_append_each_audited(
    streams text[], expected bigint[],
    ids uuid[], types text[], schema_versions integer[], data bytea[], headers text[], times timestamptz[], tags text[],
    tag_names text[], tag_events integer[], entries jsonb[]
) RETURNS bigint[] LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
#variable_conflict use_column
DECLARE
    total CONSTANT integer := cardinality(streams);
    keys bigint[];
    key bigint;
    nth integer;
    reached bigint;
    versions bigint[] := array_fill(0::bigint, ARRAY[total]);
    drawn bigint[] := array_fill(0::bigint, ARRAY[total]);
    written integer := 0;
    first bigint;
    x jsonb;
BEGIN
    keys := ARRAY(
        SELECT {schema}.twofold_key('type ' || said) FROM unnest(types) AS said
        UNION SELECT {schema}.twofold_key('tag ' || said) FROM unnest(tag_names) AS said ORDER BY 1
    );
    IF cardinality(keys) > 256 THEN
        PERFORM pg_advisory_xact_lock({keys});
    ELSE
        PERFORM pg_advisory_xact_lock_shared({keys});
        FOREACH key IN ARRAY keys LOOP
            PERFORM pg_advisory_xact_lock_shared(key);
        END LOOP;
    END IF;

    FOR nth IN SELECT s.n FROM unnest(streams) WITH ORDINALITY AS s (stream, n) ORDER BY s.stream COLLATE "C", s.n LOOP
        reached := NULL;
        IF expected[nth] > 0 THEN
            UPDATE {schema}.twofold_streams AS s SET version = s.version + 1
            WHERE s.stream = streams[nth] AND s.version = expected[nth] AND NOT s.closed
            RETURNING s.version INTO reached;
        ELSIF expected[nth] = 0 THEN
            INSERT INTO {schema}.twofold_streams AS s (stream, version) VALUES (streams[nth], 1)
            ON CONFLICT DO NOTHING RETURNING s.version INTO reached;
        ELSIF expected[nth] = -1 THEN
            INSERT INTO {schema}.twofold_streams AS s (stream, version) VALUES (streams[nth], 1)
            ON CONFLICT (stream) DO UPDATE SET version = s.version + 1 WHERE NOT s.closed RETURNING s.version INTO reached;
        END IF;
        IF reached IS NULL THEN
            SELECT CASE WHEN s.closed THEN 4611686018427387904 ELSE 0 END + s.version INTO reached
            FROM {schema}.twofold_streams AS s WHERE s.stream = streams[nth];
            versions[nth] := -1 - coalesce(reached, 0);
        ELSE
            versions[nth] := reached;
            written := written + 1;
        END IF;
    END LOOP;
    IF written = 0 THEN
        RETURN 0::bigint || versions;
    END IF;

    IF {schema}.twofold_strict() THEN
        PERFORM pg_advisory_xact_lock({draw});
    END IF;
    PERFORM pg_advisory_xact_lock_shared({floor} + coalesce(pg_sequence_last_value({positions}), 0));
    BEGIN
        IF written = 1 THEN
            PERFORM pg_advisory_xact_lock_shared({draw});
        ELSE
            PERFORM pg_advisory_xact_lock({draw}); -- alone, so that the positions are next to each other
        END IF;
        FOR nth IN 1 .. total LOOP
            IF versions[nth] > 0 THEN
                drawn[nth] := nextval({positions});
                first := coalesce(first, drawn[nth]);
            END IF;
        END LOOP;
        RAISE SQLSTATE 'TF002';
    EXCEPTION WHEN SQLSTATE 'TF002' THEN
        NULL;
    END;
    INSERT INTO {schema}.twofold_events
        (position, stream, version, id, type, schema_version, data, headers, time, tags)
    SELECT x.position, x.stream, x.version, x.id, x.type, x.schema_version, x.data, x.headers, x.time, x.tags
    FROM unnest(drawn, streams, versions, ids, types, schema_versions, data, headers, times, tags)
        AS x (position, stream, version, id, type, schema_version, data, headers, time, tags)
    WHERE x.version > 0;
    IF tag_names IS NOT NULL THEN
        INSERT INTO {schema}.twofold_tags (tag, position)
        SELECT t.tag, drawn[t.n] FROM unnest(tag_names, tag_events) AS t (tag, n) WHERE versions[t.n] > 0;
    END IF;

    IF cardinality(array_remove(entries, NULL)) > 0 THEN
        PERFORM pg_advisory_xact_lock_shared({audit} + coalesce(pg_sequence_last_value({audit_numbers}), 0));
        FOR nth IN 1 .. total LOOP
            CONTINUE WHEN versions[nth] < 0;
            FOR i IN 0 .. coalesce(jsonb_array_length(entries[nth]), 0) - 1 LOOP
                x := entries[nth] -> i;
                INSERT INTO {schema}.twofold_audit (
                    number, message, version, message_id, correlation_id, causation_id, user_id, tenant, source, payload,
                    time, duration, outcome, code, position, count
                ) VALUES (
                    nextval({audit_numbers}), x->>'message', (x->>'version')::integer, (x->>'message_id')::uuid,
                    x->>'correlation_id', x->>'causation_id', x->>'user_id', x->>'tenant', x->>'source', x->>'payload',
                    (x->>'time')::timestamptz, (x->>'duration')::bigint, x->>'outcome', x->>'code', drawn[nth],
                    coalesce((x->>'count')::bigint, 1)
                );
            END LOOP;
        END LOOP;
    END IF;
    RETURN first || versions;
END
$$;

DROP FUNCTION {schema}.twofold_append_each(
    text[], bigint[], uuid[], text[], integer[], bytea[], text[], timestamptz[], text[], text[], integer[]
);
