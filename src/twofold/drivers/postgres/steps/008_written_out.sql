-- As before, with everything that it called written out: whatever a function calls is set up anew in each transaction, which
-- took longer than what most of it does. What it keeps to is said at twofold_lock, twofold_advance and twofold_draw.
CREATE OR REPLACE FUNCTION {schema}.twofold_append_audited(
    stream text, expected bigint,
    id uuid, type text, schema_version integer, data bytea, headers text, happened timestamptz, tags text,
    tag_names text[], entries jsonb
) RETURNS bigint[] LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    reached bigint;
    drawn bigint;
    key bigint;
    name text;
    x jsonb;
BEGIN
    IF tag_names IS NULL THEN
        PERFORM pg_advisory_xact_lock_shared({keys}), pg_advisory_xact_lock_shared({schema}.twofold_key('type ' || type));
    ELSIF cardinality(tag_names) > 255 THEN
        PERFORM {schema}.twofold_lock(ARRAY[type], tag_names, NULL);
    ELSE
        PERFORM pg_advisory_xact_lock_shared({keys});
        FOR key IN
            SELECT {schema}.twofold_key(said.what) FROM (
                SELECT 'type ' || type AS what UNION ALL SELECT 'tag ' || tag FROM unnest(tag_names) AS tag
            ) AS said ORDER BY 1
        LOOP
            PERFORM pg_advisory_xact_lock_shared(key);
        END LOOP;
    END IF;

    IF expected > 0 THEN
        UPDATE {schema}.twofold_streams AS s SET version = s.version + 1
        WHERE s.stream = twofold_append_audited.stream AND s.version = expected AND NOT s.closed
        RETURNING s.version INTO reached;
    ELSIF expected = 0 THEN
        INSERT INTO {schema}.twofold_streams AS s (stream, version) VALUES (stream, 1)
        ON CONFLICT DO NOTHING RETURNING s.version INTO reached;
    ELSIF expected = -1 THEN
        INSERT INTO {schema}.twofold_streams AS s (stream, version) VALUES (stream, 1)
        ON CONFLICT (stream) DO UPDATE SET version = s.version + 1 WHERE NOT s.closed RETURNING s.version INTO reached;
    END IF;
    IF reached IS NULL THEN
        SELECT CASE WHEN s.closed THEN 4611686018427387904 ELSE 0 END + s.version INTO reached
        FROM {schema}.twofold_streams AS s WHERE s.stream = twofold_append_audited.stream;
        RETURN ARRAY[-1, 0, coalesce(reached, 0)];
    END IF;

    IF {schema}.twofold_strict() THEN
        PERFORM pg_advisory_xact_lock({draw});
    END IF;
    PERFORM pg_advisory_xact_lock_shared({floor} + coalesce(pg_sequence_last_value({positions}), 0));
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({draw});
        drawn := nextval({positions});
        RAISE SQLSTATE 'TF002';
    EXCEPTION WHEN SQLSTATE 'TF002' THEN
        NULL;
    END;
    INSERT INTO {schema}.twofold_events
        (position, stream, version, id, type, schema_version, data, headers, time, tags)
    VALUES (drawn, stream, reached, id, type, schema_version, data, headers, happened, tags);
    IF tag_names IS NOT NULL THEN
        FOREACH name IN ARRAY tag_names LOOP
            INSERT INTO {schema}.twofold_tags (tag, position) VALUES (name, drawn);
        END LOOP;
    END IF;

    IF jsonb_array_length(entries) = 1 THEN
        PERFORM pg_advisory_xact_lock_shared({audit} + coalesce(pg_sequence_last_value({audit_numbers}), 0));
        x := entries -> 0;
        INSERT INTO {schema}.twofold_audit (
            number, message, version, message_id, correlation_id, causation_id, user_id, tenant, source, payload, time,
            duration, outcome, code, position, count
        ) VALUES (
            nextval({audit_numbers}), x->>'message', (x->>'version')::integer, (x->>'message_id')::uuid,
            x->>'correlation_id', x->>'causation_id', x->>'user_id', x->>'tenant', x->>'source', x->>'payload',
            (x->>'time')::timestamptz, (x->>'duration')::bigint, x->>'outcome', x->>'code', drawn,
            coalesce((x->>'count')::bigint, 1)
        );
    ELSIF entries IS NOT NULL THEN
        PERFORM {schema}.twofold_audit_add(ARRAY[entries], ARRAY[drawn]);
    END IF;
    RETURN ARRAY[drawn, reached];
END
$$;

DROP FUNCTION {schema}.twofold_append(text, bigint, uuid, text, integer, bytea, text, timestamptz, text, text[]);
