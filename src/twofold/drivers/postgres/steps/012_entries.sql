-- What a transaction that has appended nothing leaves: its entries in the audit trail, null for none. Written out, as
-- twofold_append_audited is. Numbers keep to what is said at twofold_audit_add.
CREATE FUNCTION {schema}.twofold_commit_entries(entries jsonb) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    x jsonb;
BEGIN
    IF jsonb_array_length(entries) = 1 THEN
        PERFORM pg_advisory_xact_lock_shared({audit} + coalesce(pg_sequence_last_value({audit_numbers}), 0));
        x := entries -> 0;
        INSERT INTO {schema}.twofold_audit (
            number, message, version, message_id, correlation_id, causation_id, user_id, tenant, source, payload, time,
            duration, outcome, code, position, count
        ) VALUES (
            nextval({audit_numbers}), x->>'message', (x->>'version')::integer, (x->>'message_id')::uuid,
            x->>'correlation_id', x->>'causation_id', x->>'user_id', x->>'tenant', x->>'source', x->>'payload',
            (x->>'time')::timestamptz, (x->>'duration')::bigint, x->>'outcome', x->>'code', 0,
            coalesce((x->>'count')::bigint, 1)
        );
    ELSIF entries IS NOT NULL THEN
        PERFORM {schema}.twofold_audit_add(ARRAY[entries], ARRAY[0::bigint]);
    END IF;
    RETURN ARRAY[0];
END
$$;
